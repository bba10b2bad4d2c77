"""What the library is told about a repository: plain values, so that it need not know the model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InlineText:
    """An old inline text of one hook (behaviour.md, section 12)."""

    text: str = ""
    timeout: int = 300
    on_failure: str = "abort"
    migrated: bool = False


@dataclass(frozen=True)
class RepositoryFacts:
    id: int | None
    name: str
    path: str
    source_paths: tuple[str, ...] = ()
    archive_name: str = ""
    pre_inline: InlineText = InlineText()
    post_inline: InlineText = InlineText()

    def inline(self, hook: str) -> InlineText:
        return self.pre_inline if hook == "pre-backup" else self.post_inline
