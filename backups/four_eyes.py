"""Four eyes over the whole installation: what is there when it is switched on, old texts of repositories included."""

from collections.abc import Iterator

from django.conf import settings
from django.utils import timezone

from borgui.accounts import audit, rights
from borgui.accounts.models import Installation
from borgui.accounts.roles import Right
from scripts_library import approving
from scripts_library.models import Hook, Script

from . import facts
from .models import Repository

ALONE = "BORGUI_FOUR_EYES is on, and fewer than two people can approve a script: add a second author."
NOT_HERE = (
    "BORGUI_FOUR_EYES is on for this installation and not for this process, which would run what nobody has approved: "
    "set it for every process and on every machine."
)
SWITCHED_ON = "in use when four eyes was switched on"


def settle() -> None:
    """At start. The first time that BORGUI_FOUR_EYES is set, what is there counts as approved, so that tonight's
    backups run; what was changed while it was off later has to be approved when it is on again."""
    installation, _ = Installation.objects.get_or_create(pk=1)
    if installation.four_eyes != settings.FOUR_EYES:
        Installation.objects.filter(pk=1).update(four_eyes=settings.FOUR_EYES)
        audit.record(
            f"four eyes switched {'on' if settings.FOUR_EYES else 'off'}", kind="setting", name="BORGUI_FOUR_EYES"
        )
    if settings.FOUR_EYES and installation.four_eyes_began_at is None:
        count_all_as_approved(SWITCHED_ON)
        Installation.objects.filter(pk=1).update(four_eyes_began_at=timezone.now())


def count_all_as_approved(remark: str) -> tuple[list[str], int]:
    """Every script as it is now, and every old text in a repository: names, and how many texts."""
    names = approving.count_as_approved(Script.objects.kept().order_by("name"), remark)
    return names, approving.count_old_texts_as_approved(old_texts(), remark)


def attention() -> tuple[list[Script], bool]:
    """The scripts that wait for approval, and whether fewer than two people could approve one. No query while it is off."""
    if not settings.FOUR_EYES:
        return [], False
    return list(Script.objects.waiting().only("name").order_by("name")), is_alone()


def is_alone() -> bool:
    return rights.people_with(Right.AUTHOR).count() < 2


def problems() -> list[str]:
    """What is odd about the setting, in whole sentences."""
    if settings.FOUR_EYES:
        return [ALONE] if is_alone() else []
    return [NOT_HERE] if Installation.objects.filter(pk=1, four_eyes=True).exists() else []


def old_texts() -> Iterator[str]:
    for repository in Repository.objects.kept():
        of_repository = facts.of(repository)
        for hook in Hook:
            if (text := of_repository.inline(hook).text).strip():
                yield text
