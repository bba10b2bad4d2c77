"""Can I get a file back? The archives of a repository, with the commands that read them."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from backups import access, archives, borg, by_hand
from backups.archives import Archive
from backups.models import Data, Repository
from backups.target import PassphraseSealed
from borgui.accounts.access import signed_in
from scripts_library.errors import Conflict

PAGE = 50


@dataclass(frozen=True)
class Listing:
    """What borg listed, each with its commands; `problem` where it could not."""

    page: "Page[Archive] | None" = None
    shown: tuple[tuple[Archive, by_hand.Commands], ...] = ()
    problem: str = ""


@signed_in
@never_cache
def listed(request: HttpRequest, pk: int) -> HttpResponse:
    """The page is quick, for the list is asked of borg afterwards; with `?list=1` (no JavaScript) it has it already."""
    repository = access.repository(pk)
    made = repository.jobs.filter(data__in=(Data.GOOD, Data.GOOD_WITH_WARNINGS)).order_by("-id")
    listing = listing_of(repository, request.GET.get("page")) if "list" in request.GET else None
    context = {
        "repository": repository,
        "newest": made.only("archive_name", "completed_at").first(),
        "listing": listing,
    }
    return render(request, "repositories/archives.html", context)


@signed_in
@never_cache
def archive_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The piece with the list, as borg tells it now."""
    repository = access.repository(pk)
    listing = listing_of(repository, request.GET.get("page"))
    return render(request, "repositories/_archive_list.html", {"repository": repository, "listing": listing})


def listing_of(repository: Repository, page: str | None) -> Listing:
    try:
        found = archives.newest_first(repository)
    except Conflict as problem:
        return Listing(problem=problem.message)
    except (borg.BorgUnavailable, PassphraseSealed) as problem:
        return Listing(problem=str(problem))
    shown = Paginator(found, PAGE).get_page(page)
    return Listing(shown, tuple((archive, by_hand.commands(repository, archive)) for archive in shown))
