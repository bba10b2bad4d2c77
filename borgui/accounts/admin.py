from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from borgui.look_only import LookOnly

from .models import ApiToken, Installation, SetupLink, User

admin.site.register(User, UserAdmin)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens are made by `create_api_token`, which shows them once; here they are limited or taken back."""

    list_display = ["name", "user", "scope", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    fields = ["name", "user", "scope", "expires_at", "created_at", "last_used_at"]
    readonly_fields = ["user", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(SetupLink)
class SetupLinkAdmin(LookOnly):
    hidden = ("token_hash",)
    list_display = ["id", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(Installation)
class InstallationAdmin(LookOnly):
    hidden = ("key_canary",)
    list_display = ["id", "time_zone", "created_at"]
