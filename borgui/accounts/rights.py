"""Which right each page and each endpoint asks for: the one table that decides, by name or by route.

`access.signed_in` and the API's ways in look here; what is not listed is for administrators. A page that shows asks for
the first right of its pair, one that changes for the second.
"""

import re

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from .models import User
from .roles import Right, Role, roles_with

SEE, OUTPUT, RUN, AUTHOR, ADMINISTER = Right.SEE, Right.OUTPUT, Right.RUN, Right.AUTHOR, Right.ADMINISTER
SAFE = ("GET", "HEAD", "OPTIONS")

# What lets commands run on this machine, shows a key, or changes who may do so: asks for the password again when the
# sign-in is long ago (BORGUI_FRESH_SIGN_IN). Showing never asks, changing does.
NEEDS_FRESH = (
    "script-new script script-restore script-merge script-drift script-approval script-offer script-upgrade scripts-register "
    "scripts-review inline-move inline-texts template-script template-duplicate repository-kit kit-download "
    "people-new person person-link person-switch token-new "
    "second-factor second-factor-codes second-factor-off person-second-factor oidc-connect oidc-disconnect person-oidc "
    "passkeys passkey-remove"
)

ALL_SEE = (
    "start overview-running activity activity-older activity-news repositories repository repository-archives "
    "archive-list repository-schedule schedules job job-progress scripts script script-history script-revision "
    "script-difference repository-scripts execution settings people account account-confirm sign-out-everywhere "
    "session-end second-factor second-factor-codes second-factor-codes-file second-factor-off "
    "passkeys passkey passkey-remove passkey-offer account-confirm-passkey "
    "oidc-connect oidc-confirm oidc-disconnect oidc-done "
    "change-password tokens token-new token-revoke templates template script-offer script-upgrade "
    "scripts-export script-approval windows window window-run run-progress window-scripts"
)
ALL_WITH_OUTPUT = "job-tail job-log-file execution-tail execution-log"
ALL_RUN = (
    "overview-backup repository-backup job-cancel job-post-backup job-seen promise-close schedule-run execution-cancel "
    "assignment-run window-open run-cancel run-post-scripts window-script-run"
)
ALL_AUTHOR = (
    "script-new script-lint script-block scripts-register script-delete script-drift script-merge script-restore "
    "script-picker assignments-copy assignment-order assignment-drop assignment-new assignment assignment-move "
    "assignment-switch assignment-remove script-try try-stops try-tail try-go-on execution-again inline-move "
    "template-script template-duplicate inline-texts scripts-import scripts-review scripts-review-text scripts-import-cancel "
    "window-script-picker window-script-order window-script-drop window-script-new window-script window-script-move "
    "window-script-switch window-script-remove"
)
ALL_ADMINISTER = (
    "repository-new sources-seen repository-settings repository-delete repository-kit kit-download kit-saved "
    "repository-break-lock retention-save retention-preview retention-confirm repository-schedule-add "
    "repository-protect schedule-new cron-reading pause-all resume-all schedule schedule-delete schedule-pause "
    "schedule-resume notifications channel-new channel channel-delete channel-test "
    "people-new person person-link person-switch person-sign-out person-second-factor person-oidc audit audit-export import "
    "window-new window-settings window-delete window-pause window-resume windows-dismiss"
)

PAGES: dict[str, tuple[Right, Right]] = {
    **dict.fromkeys(ALL_SEE.split(), (SEE, SEE)),
    **dict.fromkeys(ALL_WITH_OUTPUT.split(), (OUTPUT, OUTPUT)),
    **dict.fromkeys(ALL_RUN.split(), (RUN, RUN)),
    **dict.fromkeys(ALL_AUTHOR.split(), (AUTHOR, AUTHOR)),
    **dict.fromkeys(ALL_ADMINISTER.split(), (ADMINISTER, ADMINISTER)),
    "script": (SEE, AUTHOR),
    "schedule": (SEE, ADMINISTER),
    "script-drift": (SEE, AUTHOR),
    "script-approval": (SEE, AUTHOR),
    "script-offer": (SEE, AUTHOR),
    "script-upgrade": (SEE, AUTHOR),
    "template": (SEE, AUTHOR),
    "assignment": (SEE, AUTHOR),
    "window-script": (SEE, AUTHOR),
}

# Endpoints that change something, by method and route below /api/; reading asks for the right to see.
ENDPOINTS: dict[str, Right] = {
    "POST scripts": AUTHOR,
    "PUT scripts/{}": AUTHOR,
    "DELETE scripts/{}": AUTHOR,
    "POST scripts/{}/drift": AUTHOR,
    "POST scripts/{}/approval": AUTHOR,
    "POST scripts/{}/test": AUTHOR,
    "POST scripts/{}/upgrade": AUTHOR,
    "POST scripts/import": AUTHOR,
    "POST repositories/{}/scripts": AUTHOR,
    "PUT repositories/{}/scripts/order": AUTHOR,
    "PUT repositories/{}/scripts/{}": AUTHOR,
    "DELETE repositories/{}/scripts/{}": AUTHOR,
    "POST repositories/{}/backup": RUN,
    "POST jobs/{}/cancel": RUN,
    "POST jobs/{}/post-backup": RUN,
    "POST executions/{}/cancel": RUN,
    "POST broken-promises/{}/close": RUN,
    "POST scheduled-jobs/{}/run": RUN,
    "POST maintenance-windows/{}/run": RUN,
    "POST maintenance-windows/{}/cancel": RUN,
    "GET executions/{}": OUTPUT,
    "GET executions/{}/log": OUTPUT,
    "GET channels": ADMINISTER,
    "GET channels/{}": ADMINISTER,
}
FRESH = frozenset(NEEDS_FRESH.split())
PLACE = re.compile(r"<[^>]+>")


class Missing(PermissionDenied):
    """A right that this account does not have; the text says which, and who can grant it."""

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__(sentence(right))


def asked_by_page(name: str, method: str) -> Right:
    """Of the page with this URL name."""
    to_show, to_change = PAGES.get(name, (ADMINISTER, ADMINISTER))
    return to_show if method in SAFE else to_change


def asked_by_endpoint(route: str, method: str) -> Right:
    """`route` as Django has it: api/scripts/<int:pk>."""
    place = PLACE.sub("{}", route.removeprefix("api/"))
    return ENDPOINTS.get(f"{method} {place}", SEE if method in SAFE else ADMINISTER)


def needs_fresh_sign_in(request: HttpRequest) -> bool:
    match = request.resolver_match
    return request.method not in SAFE and match is not None and match.url_name in FRESH


def refuse_page(request: HttpRequest, user: User) -> None:
    """Raises Missing where this person may not do what the request asks for."""
    match = request.resolver_match
    _refuse(user, asked_by_page((match.url_name if match else "") or "", request.method or ""))


def refuse_endpoint(request: HttpRequest, user: User) -> None:
    """Raises Missing."""
    match = request.resolver_match
    _refuse(user, asked_by_endpoint(match.route if match else "", request.method or ""))


def _refuse(user: User, right: Right) -> None:
    if not user.may(right):
        raise Missing(right)


def sentence(right: Right, who: str = "") -> str:
    """What is missing, and who can help. `who`: the answer of `who_can_grant`, where it is known already."""
    role = roles_with(right)[0]
    return f"This needs the right to {right.label}, which {a(role)} has. {who or who_can_grant()}"


def lacking(user: User) -> dict[str, str]:
    """By right: why this person may not. Empty for administrators."""
    missing = [right for right in Right if right not in user.rights]
    who = who_can_grant() if missing else ""
    return {right.value: sentence(right, who) for right in missing}


def people_with(right: Right) -> QuerySet[User]:
    """The accounts with this right that are not switched off."""
    groups = Q(groups__name__in=roles_with(right))
    return User.objects.filter(groups | Q(is_superuser=True), is_active=True).distinct()


def a(role: Role) -> str:
    return f"{'an' if role.label[0] in 'AEIOU' else 'a'} {role.label.lower()}"


def who_can_grant() -> str:
    """The administrators by name, at most three."""
    names = list(
        User.objects.filter(is_superuser=True, is_active=True).order_by("pk").values_list("username", flat=True)[:4]
    )
    if not names:
        return "This installation has no administrator: `manage.py setup_link` prints a link that makes one."
    named = " or ".join(names[:3]) + (" or another administrator" if len(names) > 3 else "")
    return f"Ask {named}."
