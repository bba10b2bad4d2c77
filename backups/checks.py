"""The system checks about borg and about four eyes (tag `borgui`)."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.db import DatabaseError, connection

from backups.borg import BorgUnavailable, find
from borgui.checks import is_there

from . import four_eyes

Apps = Sequence[AppConfig] | None


@register("borgui")
def borg_is_there(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Only a warning: without borg nothing is backed up, but what was stopped must still be started again."""
    try:
        find(settings.BORG)
    except BorgUnavailable as error:
        return [Warning(str(error), id="borgui.W002")]
    return []


@register("borgui")
def two_people_can_approve(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Before the first migration there is nobody to count."""
    if connection.vendor == "sqlite" and not is_there(connection.settings_dict["NAME"]):
        return []
    try:
        return [Warning(problem, id="borgui.W003") for problem in four_eyes.problems()]
    except DatabaseError:
        return []
