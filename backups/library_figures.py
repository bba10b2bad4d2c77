"""The four figures by which the script library is judged: is it used, is it shared, is it built on what is there?

docs/scripts-folder.md says what they mean. A constant number of queries.
"""

from dataclasses import asdict, dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from scripts_library.models import RepositoryScript, Script

from .models import Repository, ScheduledRepository


@dataclass(frozen=True)
class Figures:
    """`repositories_per_script`: an average; the others are whole percents. None where there is nothing to count."""

    scripts: int
    repositories_per_script: float | None
    repositories_with_scripts: int | None
    scripts_from_templates: int | None
    repositories_in_window: int | None

    def as_json(self) -> dict[str, float | None]:
        return {name: value for name, value in asdict(self).items() if name != "scripts"}


def figures() -> Figures:
    """Of the repositories and scripts that are not deleted; what is switched off does not count as used."""
    scripts = Script.objects.kept().aggregate(
        all=Count("pk"), templates=Count("pk", filter=Q(category=Script.Category.TEMPLATE))
    )
    pairs = _assigned().values("repository_id", "script_id").distinct().count()
    repositories = Repository.objects.kept().aggregate(
        all=Count("pk"),
        with_scripts=Count("pk", filter=Exists(_assigned().filter(repository_id=OuterRef("pk")))),
        in_window=Count("pk", filter=Exists(_in_windows().filter(repository_id=OuterRef("pk")))),
    )
    return Figures(
        scripts["all"],
        round(pairs / scripts["all"], 1) if scripts["all"] else None,
        percent(repositories["with_scripts"], repositories["all"]),
        percent(scripts["templates"], scripts["all"]),
        percent(repositories["in_window"], repositories["all"]),
    )


def _assigned() -> QuerySet[RepositoryScript]:
    return RepositoryScript.objects.filter(
        enabled=True, repository__deleted_at=None, script__deleted_at=None
    ).order_by()


def _in_windows() -> QuerySet[ScheduledRepository]:
    return ScheduledRepository.objects.filter(
        scheduled_job__enabled=True, scheduled_job__maintenance_window__enabled=True
    ).order_by()


def percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
