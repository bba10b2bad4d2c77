from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from backups import status
from backups.models import Data, Services
from borgui.accounts.access import signed_in

DATA_WORDS = {
    Data.GOOD: "saved",
    Data.GOOD_WITH_WARNINGS: "saved, but not everything",
    Data.NONE: "not saved",
    None: "not backed up yet",
}
SERVICES_WORDS = {
    Services.UP: "running again",
    Services.INTERRUPTED: "may still be stopped",
    Services.BROKEN_PROMISE: "may still be stopped: a script failed",
    Services.UNTOUCHED: "not touched",
}


@signed_in
def start(request: HttpRequest) -> HttpResponse:
    """Am I safe? Every repository with both verdicts."""
    found = status.overview(timezone.now())
    return render(request, "backups/start.html", {**found, "repositories": list(map(in_words, found["repositories"]))})


def in_words(repository: dict[str, Any]) -> dict[str, Any]:
    return {
        **repository,
        "data_words": DATA_WORDS[repository["data"]],
        "services_words": SERVICES_WORDS[repository["services"]],
    }
