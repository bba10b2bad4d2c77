"""Endpoints of retention: what would be deleted, and the confirmation that this is right."""

from datetime import datetime
from typing import Self

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from borgui.rest import In, Out, Text

from . import access, retention
from .retention import Preview
from .schemas import ArchiveOut, RepositoryOut

router = Router()


class KeptOut(ArchiveOut):
    reason: str


class PreviewOut(Out):
    sentence: str
    count: int
    kept: list[KeptOut]
    pruned: list[ArchiveOut]
    others: list[ArchiveOut]
    fingerprint: str
    prune_confirmed_at: datetime | None

    @classmethod
    def of(cls, found: Preview, confirmed_at: datetime | None) -> Self:
        return cls(
            sentence=found.sentence,
            count=found.count,
            kept=[KeptOut(**vars(kept.archive), reason=kept.reason) for kept in found.kept],
            pruned=[ArchiveOut(**vars(archive)) for archive in found.pruned],
            others=[ArchiveOut(**vars(archive)) for archive in found.others],
            fingerprint=found.fingerprint,
            prune_confirmed_at=confirmed_at,
        )


class Confirmation(In):
    fingerprint: Text


@router.post("/repositories/{int:pk}/prune-preview", response=PreviewOut, tags=["repositories"])
def preview_pruning(request: HttpRequest, pk: int) -> PreviewOut:
    """What pruning would keep and delete now, and why; nothing is changed. 409 with borg's reason where it cannot."""
    repository = access.repository(pk)
    return PreviewOut.of(retention.preview(repository), repository.prune_confirmed_at)


@router.post("/repositories/{int:pk}/prune-confirm", response=RepositoryOut, tags=["repositories"])
def confirm_pruning(request: HttpRequest, pk: int, payload: Confirmation) -> RepositoryOut:
    """Agree to what a preview has shown; `prune_after` may be switched on then. 409 where it is another one by now."""
    repository = access.repository(pk)
    retention.confirm(repository, payload.fingerprint, timezone.now())
    return RepositoryOut.of(repository)
