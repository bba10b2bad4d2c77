"""Passkeys: a device or a password manager proves who somebody is, after a finger, a face or a PIN (WebAuthn).

One is possession and knowledge at once, so it signs in by itself, and is a second factor after a password. The reading of
answers and their signatures is fido2's; the rows, the questions and the counting are ours. A question is asked once, waits
five minutes in the session of the browser that asked, and is used up by the first answer, right or wrong.
"""

import hashlib
import ipaddress
import json
import struct
import time
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone
from django.utils.http import is_same_domain
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from . import audit
from .models import Installation, Passkey, User

NEW, KNOWN = "passkey_offer", "passkey_question"  # in the session: what waits for an answer
WAITS = 5 * 60  # seconds
LONGEST_ANSWER = 20_000  # characters; with an attestation that nobody asked for it is a few thousand
LONGEST_ID = 1023  # bytes of a credential id, by the standard
MOST = 20  # passkeys of one person
VERIFIED = UserVerificationRequirement.REQUIRED
# What reading bytes of a stranger raises.
UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OverflowError, RecursionError,
    NotImplementedError, struct.error, InvalidSignature, UnsupportedAlgorithm,
)  # fmt: skip

NO_QUESTION = (
    "The question that this answers was not asked in this browser, or longer than five minutes ago. Try once more."
)
NOT_RIGHT = "This passkey does not open here. Use another one, or another way to sign in."
NOT_NEW = "This passkey is stored here already."
TOO_MANY = f"There are {MOST} passkeys, which is the most. Remove one that you do not use any more."
NOT_HERE = (
    "Passkeys need https and a name, which BORGUI_TRUSTED_ORIGINS has to have: a browser offers none over plain http, nor at "
    "an address of numbers."
)


class NotAccepted(ValueError):
    """The answer of a browser opens nothing; the text is for the person, `why` for the audit log."""

    def __init__(self, text: str, why: str = "") -> None:
        self.why = why or text
        super().__init__(text)


# --- where ------------------------------------------------------------------------------------------------------------
def name_of_place(request: HttpRequest) -> str:
    """The host name to which passkeys made here belong; '' where there can be none."""
    name = split_domain_port(request.get_host())[0].rstrip(".")
    is_local = name == "localhost" or name.endswith(".localhost")
    is_named = any(has_name(one, name) for one in settings.CSRF_TRUSTED_ORIGINS)
    return name if (is_named if request.is_secure() else is_local) and not is_number(name) else ""


def has_name(trusted: str, name: str) -> bool:
    """Whether an entry of BORGUI_TRUSTED_ORIGINS, which may begin with `*.`, is about this host."""
    return is_same_domain(name, (urlsplit(trusted).hostname or "").removeprefix("*"))


def is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_from_here(request: HttpRequest, origin: str) -> bool:
    """Whether this page itself has asked: another port of the same host shares its passkeys, and is somebody else.

    With TLS BORGUI_TRUSTED_ORIGINS says which port is ours; who sends answers on from another one can write any host.
    """
    if not request.is_secure():
        return origin == f"http://{request.get_host()}"
    name = name_of_place(request)
    return origin in [at_name(one, name) for one in settings.CSRF_TRUSTED_ORIGINS if has_name(one, name)]


def at_name(trusted: str, name: str) -> str:
    """The origin that an entry of BORGUI_TRUSTED_ORIGINS means for this host, as browsers write it."""
    parts = urlsplit(trusted)
    is_usual = parts.port in (None, {"https": 443, "http": 80}[parts.scheme])
    return f"{parts.scheme}://{name}" + ("" if is_usual else f":{parts.port}")


def server(request: HttpRequest) -> Fido2Server:
    """Raises NotAccepted where there can be no passkeys."""
    if not name_of_place(request):
        raise NotAccepted(NOT_HERE)
    place = PublicKeyCredentialRpEntity(id=name_of_place(request), name="borgui")
    return Fido2Server(place, verify_origin=lambda origin: is_from_here(request, origin))


# --- the rows ---------------------------------------------------------------------------------------------------------
def of(user: User) -> QuerySet[Passkey]:
    return Passkey.objects.filter(user=user).order_by("id")


def here(request: HttpRequest, user: User | None = None) -> QuerySet[Passkey]:
    """Those that open at the address of this request: of a person, or of anybody."""
    found = Passkey.objects.filter(rp_id=name_of_place(request)).exclude(rp_id="")
    return found if user is None else found.filter(user=user)


def descriptors(rows: QuerySet[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY,
            id=known(row).credential_id,
            transports=[AuthenticatorTransport(one) for one in row.transports] or None,
        )
        for row in rows
    ]


def known(row: Passkey) -> AttestedCredentialData:
    return AttestedCredentialData(bytes(row.credential))


def rename(row: Passkey, name: str) -> None:
    if row.name == name:
        return
    with transaction.atomic():
        before, row.name = row.name, name
        row.save(update_fields=["name"])
        audit.record("passkey renamed", row, before={"name": before}, after={"name": name})


# --- a new one --------------------------------------------------------------------------------------------------------
def offer(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser is asked to make (PublicKeyCredentialCreationOptions as JSON). Raises NotAccepted."""
    if of(user).count() >= MOST:
        raise NotAccepted(TOO_MANY)
    options, state = server(request).register_begin(
        PublicKeyCredentialUserEntity(id=handle(user), name=user.get_username(), display_name=user.get_username()),
        credentials=descriptors(here(request, user)),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=VERIFIED,
    )
    keep(request, NEW, state, user)
    return dict(options.public_key)


def handle(user: User) -> bytes:
    """What the device knows the account by: the same for ever, and it tells nothing. A device keeps one passkey for each
    handle at a name, and another installation at another port has the same name: so it has other handles."""
    here = Installation.objects.first()  # a start writes it, before there is any account
    begun = int(here.created_at.timestamp()) if here else 0  # a dump of the database rounds it
    return hashlib.sha256(f"borgui of {begun} account {user.pk}".encode()).digest()


def add(request: HttpRequest, user: User, answer: str, name: str) -> Passkey:
    """Raises NotAccepted."""
    state = take(request, NEW, user)
    try:
        sent = read(answer)
        given = RegistrationResponse.from_dict(sent)
        if given is None or given.response.client_data.cross_origin:
            raise NotAccepted(NOT_RIGHT, "asked by a page inside another one")
        data = server(request).register_complete(state, given)
        made = data.credential_data
        if made is None or len(made.credential_id) > LONGEST_ID or not can_be_checked(made.public_key):
            raise NotAccepted(NOT_RIGHT, "no credential, or one that could not be checked later")
        row = Passkey(
            user=user,
            name=name,
            rp_id=name_of_place(request),
            credential_id=websafe_encode(made.credential_id),
            credential=bytes(made),
            sign_count=data.counter,
            is_synced=data.is_backup_eligible(),
            transports=transports(sent),
        )
    except UNREADABLE as problem:
        raise not_accepted(problem) from problem
    try:
        with transaction.atomic():
            row.save()
            audit.record("passkey added", row, after={"for": row.rp_id})
    except IntegrityError as problem:
        raise NotAccepted(NOT_NEW) from problem
    return row


def can_be_checked(key: CoseKey) -> bool:
    """Whether it is a public key at all: a signature of nothing has to be wrong, and not unreadable (raises UNREADABLE)."""
    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return True
    return False


def transports(sent: dict[str, Any]) -> list[str]:
    """Hints with which a browser finds the device again; those that the library does not know are left out."""
    said = sent["response"].get("transports") or []
    return [one.value for one in AuthenticatorTransport if one.value in said]


# --- one that is known ------------------------------------------------------------------------------------------------
def question(request: HttpRequest, user: User | None) -> dict[str, Any]:
    """What the browser is asked to sign (PublicKeyCredentialRequestOptions as JSON); of a stranger the device says who
    it is. Raises NotAccepted."""
    asked = server(request)
    rows = descriptors(here(request, user)) if user else None
    options, state = asked.authenticate_begin(rows, user_verification=VERIFIED)
    keep(request, KNOWN, state, user)
    return dict(options.public_key)


def opened_by(request: HttpRequest, answer: str, user: User | None = None) -> Passkey:
    """The passkey that has answered the question of this browser; of `user`, where there is one. Raises NotAccepted."""
    state = take(request, KNOWN, user)
    try:
        given = AuthenticationResponse.from_dict(read(answer))
        if given is None or given.response.client_data.cross_origin:
            raise NotAccepted(NOT_RIGHT, "asked by a page inside another one")
        return check(request, state, given, user)
    except UNREADABLE as problem:
        raise not_accepted(problem) from problem


@transaction.atomic
def check(request: HttpRequest, state: dict[str, Any], given: AuthenticationResponse, user: User | None) -> Passkey:
    rows = here(request, user).select_for_update(of=("self",)).select_related("user")
    row = rows.filter(credential_id=websafe_encode(given.raw_id), user__is_active=True).first()
    if row is None:
        raise NotAccepted(NOT_RIGHT, "no passkey that is known here")
    if (given.response.user_handle or handle(row.user)) != handle(row.user):
        raise NotAccepted(NOT_RIGHT, "it names another account")
    server(request).authenticate_complete(state, [known(row)], given)
    count = given.response.authenticator_data.counter
    if count <= row.sign_count and (count or row.sign_count):
        raise NotAccepted(NOT_RIGHT, "its counter went back: there may be a copy of it")
    row.sign_count, row.last_used_at = count, timezone.now()
    row.save(update_fields=["sign_count", "last_used_at"])
    return row


# --- questions and answers --------------------------------------------------------------------------------------------
def keep(request: HttpRequest, key: str, state: dict[str, Any], user: User | None) -> None:
    request.session[key] = {
        "challenge": state["challenge"], "user_verification": VERIFIED.value,
        "since": time.time(), "user": user.pk if user else None,
    }  # fmt: skip


def take(request: HttpRequest, key: str, user: User | None) -> dict[str, Any]:
    """What was asked, once. Raises NotAccepted."""
    state: dict[str, Any] | None = request.session.pop(key, None)
    if not state or not 0 <= time.time() - state["since"] <= WAITS or state["user"] != (user.pk if user else None):
        raise NotAccepted(NO_QUESTION)
    return state


def read(answer: str) -> Any:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    return json.loads(answer)


def not_accepted(problem: Exception) -> NotAccepted:
    if isinstance(problem, NotAccepted):
        return problem
    return NotAccepted(NOT_RIGHT, f"{type(problem).__name__}: {problem}"[:200])
