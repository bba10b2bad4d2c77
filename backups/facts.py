"""A repository as the script library sees it."""

from scripts_library.facts import InlineText, RepositoryFacts
from scripts_library.models import OnFailure

from .models import Repository


def of(repository: Repository, archive_name: str = "") -> RepositoryFacts:
    return RepositoryFacts(
        id=repository.pk,
        name=repository.name,
        path=repository.path,
        source_paths=tuple(repository.source_paths),
        archive_name=archive_name,
        pre_inline=InlineText(
            text=repository.pre_backup_script,
            timeout=repository.pre_hook_timeout,
            on_failure=inline_on_failure(repository),
            migrated=repository.pre_hook_migrated,
        ),
        post_inline=InlineText(
            text=repository.post_backup_script,
            timeout=repository.post_hook_timeout,
            migrated=repository.post_hook_migrated,
        ),
    )


def inline_on_failure(repository: Repository) -> str:
    """Section 12: what the old switches of a repository mean."""
    if repository.continue_on_hook_failure:
        return OnFailure.CONTINUE
    return OnFailure.SKIP if repository.skip_on_hook_failure else OnFailure.ABORT
