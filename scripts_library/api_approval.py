"""Endpoint of four eyes: what another author says to the text that waits."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router
from ninja.errors import AuthorizationError
from pydantic import Field

from borgui.accounts import signing_in
from borgui.accounts.authentication import caller
from borgui.rest import In, Text

from . import access, approving
from .schemas_detail import ScriptDetail, detail

router = Router()
STALE = "This needs a fresh sign-in: confirm your password on the page of your account, or send a token."


class ApprovalIn(In):
    action: Literal["approve", "turn_down"] = Field(description="let the newest text run, or not")
    sha256: Text = Field(description="of the text that was looked at; 409 where another one is the newest")
    reason: Text = Field("", description="needed to turn it down")


@router.post("/scripts/{int:pk}/approval", response=ScriptDetail, tags=["scripts"])
def decide_about_script(request: HttpRequest, pk: int, payload: ApprovalIn) -> ScriptDetail:
    """Four eyes (`BORGUI_FOUR_EYES`): let the newest text run, or turn it down. 409 for those who wrote it."""
    script, user = access.script(pk), caller(request)
    if not sent_by_program(request) and not signing_in.is_fresh(request):
        raise AuthorizationError(message=STALE)
    if payload.action == "approve":
        approving.approve(script, payload.sha256, user=user)
    else:
        approving.turn_down(script, payload.sha256, payload.reason, user=user)
    return detail(access.script(pk))


def sent_by_program(request: HttpRequest) -> bool:
    """By a token, which has no password to give."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")
