"""The feed: what happened? Everything that ran, and what should have."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from backups import activity as feeds
from backups.forms.activity import ActivityFilter
from borgui.accounts.access import signed_in


@signed_in
@require_GET
def activity(request: HttpRequest) -> HttpResponse:
    """`before` is the cursor behind which the page begins."""
    form = ActivityFilter(request.GET)
    feed = feeds.page(form.filters, feeds.Cursor.of(request.GET.get("before", "")))
    return render(request, "activity/activity.html", {"form": form, "feed": feed})


@signed_in
@require_GET
def activity_older(request: HttpRequest) -> HttpResponse:
    """The next page, to be put below."""
    form = ActivityFilter(request.GET)
    feed = feeds.page(form.filters, feeds.Cursor.of(request.GET.get("before", "")))
    return render(request, "activity/_activity_older.html", {"form": form, "feed": feed, "more": True})


@signed_in
@require_GET
def activity_news(request: HttpRequest) -> HttpResponse:
    """What has begun or changed since the cursor; 204 for nothing. It goes on asking, for there is always a next one."""
    form = ActivityFilter(request.GET)
    seen = feeds.Seen.of_query(request.GET)
    news = feeds.news(form.filters, seen) if seen else None
    if news is None:
        return HttpResponse(status=204)
    return render(request, "activity/_activity_news.html", {"form": form, "news": news, "seen": news.seen})
