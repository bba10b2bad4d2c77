"""What the preview of a chain answers: for each outcome, what would run and why the rest would not."""

from borgui.rest import Out


class LinkOut(Out):
    assignment_id: int | None
    script_id: int | None
    script_name: str
    runs: bool
    reason: str
    timeout: int
    run_on: str
    on_failure: str
    variables: dict[str, str]
    problems: list[str]


class BothHooks(Out):
    pre_backup: list[LinkOut]
    post_backup: list[LinkOut]


class ChainPreview(Out):
    success: BothHooks
    warning: BothHooks
    failure: BothHooks
    skipped: BothHooks
    cancelled: BothHooks
