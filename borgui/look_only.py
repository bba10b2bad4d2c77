"""Admin pages for looking: history and secrets cannot be changed there (style.md: admin is for looking and repairing)."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from borgui.fields import EncryptedTextField


class LookOnly(admin.ModelAdmin):
    """Every column but the encrypted and the `hidden` ones; nothing can be added, changed or deleted."""

    hidden: tuple[str, ...] = ()

    def visible(self) -> list[str]:
        columns = self.model._meta.fields
        secret = [column.name for column in columns if isinstance(column, EncryptedTextField)]
        return [column.name for column in columns if column.name not in (*secret, *self.hidden)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.visible()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.visible()

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
