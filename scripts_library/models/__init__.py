"""Scripts, their revisions, where they are assigned, and every run of one (behaviour.md, section 1)."""

from .assignment import (
    Assignment,
    AssignmentQuerySet,
    RepositoryScript,
    RepositoryScriptQuerySet,
    WindowScript,
    WindowScriptQuerySet,
)
from .choices import SECONDS, ExecutionStatus, Hook, OnFailure, Outcome, RunOn, TriggeredBy
from .execution import ScriptExecution, ScriptExecutionQuerySet, make_token
from .script import Script, ScriptContent, ScriptQuerySet, ScriptRevision

__all__ = [
    "SECONDS",
    "Assignment",
    "AssignmentQuerySet",
    "ExecutionStatus",
    "Hook",
    "OnFailure",
    "Outcome",
    "RepositoryScript",
    "RepositoryScriptQuerySet",
    "RunOn",
    "Script",
    "ScriptContent",
    "ScriptExecution",
    "ScriptExecutionQuerySet",
    "ScriptQuerySet",
    "ScriptRevision",
    "TriggeredBy",
    "WindowScript",
    "WindowScriptQuerySet",
    "make_token",
]
