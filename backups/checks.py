"""The system check about borg (tag `borgui`)."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from backups.borg import BorgUnavailable, find


@register("borgui")
def borg_is_there(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Only a warning: without borg nothing is backed up, but what was stopped must still be started again."""
    try:
        find(settings.BORG)
    except BorgUnavailable as error:
        return [Warning(str(error), id="borgui.W002")]
    return []
