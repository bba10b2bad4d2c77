from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from borgui.look_only import LookOnly

from . import tokens
from .models import ApiToken, AuditEntry, BrowserSession, Identity, Installation, Passkey, SetupLink, StartedCall, User

for theirs in (Authenticator, EmailAddress):
    admin.site.unregister(theirs)  # a second factor is reset on the page about people; mail addresses are not used
admin.site.unregister(Group)  # roles are given on the page about people, which keeps the audit log


@admin.register(User)
class UserAdmin(LookOnly):
    """Accounts are changed on the page about people only."""

    hidden = ("password", "session_generation")
    list_display = ["username", "role", "is_active", "last_login"]


@admin.register(BrowserSession)
class BrowserSessionAdmin(LookOnly):
    hidden = ("session_key", "valid_for")
    list_display = ["user", "browser", "address", "begun_at", "seen_at"]
    list_select_related = ["user"]


@admin.register(Identity)
class IdentityAdmin(LookOnly):
    list_display = ["user", "issuer", "name", "connected_at", "last_used_at"]
    list_select_related = ["user"]


@admin.register(Passkey)
class PasskeyAdmin(LookOnly):
    """Their people remove them; administrators reset the second factor on the page about people."""

    hidden = ("credential",)
    list_display = ["user", "name", "rp_id", "is_synced", "created_at", "last_used_at"]
    list_select_related = ["user"]


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly):
    list_display = ["at", "username", "via", "address", "action", "kind", "name"]
    list_filter = ["action", "via"]
    search_fields = ["username", "name"]


@admin.register(ApiToken)
class ApiTokenAdmin(LookOnly):
    """They are made on their page and by command. Here they are taken back; nothing makes one do more than before."""

    hidden = ("token_hash",)
    list_display = ["name", "user", "scope", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        tokens.revoke(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            tokens.revoke(token)


@admin.register(StartedCall)
class StartedCallAdmin(LookOnly):
    hidden = ("key", "call", "answer")
    list_display = ["id", "user", "status", "created_at"]


@admin.register(SetupLink)
class SetupLinkAdmin(LookOnly):
    hidden = ("token_hash",)
    list_display = ["id", "created_at"]


@admin.register(Installation)
class InstallationAdmin(LookOnly):
    hidden = ("key_canary",)
    list_display = ["id", "time_zone", "created_at"]
