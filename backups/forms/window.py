"""A maintenance window: when it opens, which repositories are backed up inside, how long and how many at a time."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from backups.models import MaintenanceWindow, ScheduledJob

from .fields import Duration, plain
from .members import MembersForm, of_members, typed_in
from .when import WhenForm, filled_in


class WindowForm(MembersForm, WhenForm):
    """`jobs`: its own scheduled job. `has_own` is false where several belong to it, each with a page of its own."""

    field_order = ("name", "repositories")
    order_words = "Between the scripts before and after, in this order."
    advanced = ("description", "timezone", "max_parallel", "max_duration", "catch_up")

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(
        label="What it is for", required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="For people only."
    )
    max_parallel = forms.IntegerField(
        label="Backups at a time",
        min_value=1,
        max_value=100,
        help_text="1: one after another, in the order above.",
    )
    max_duration = Duration(
        label="Start no more backups after",
        required=False,
        widget=plain(placeholder="8 h"),
        help_text="Backups that run then come to their end; those that have not begun are left out.",
    )
    catch_up = Duration(
        label="Make up for it within",
        required=False,
        widget=plain(placeholder="1 h"),
        help_text="After the machine was off, one missed opening is made up for if it is not older than this; 0 s: never.",
    )
    only_here = forms.BooleanField(
        label="Take them out of their other schedules",
        required=False,
        help_text="Otherwise they are backed up at those times too. A schedule that has nothing left is paused.",
    )

    def __init__(
        self,
        data: Any = None,
        window: MaintenanceWindow | None = None,
        jobs: ScheduledJob | None = None,
        initial: Mapping[str, Any] = {},
    ) -> None:
        stored = {**(of_window(window) if window else NEW), **(of_members(jobs) if jobs else {})}
        super().__init__(data, initial={**stored, **initial})
        self.window, self.jobs = window, jobs
        self.has_own = window is None or jobs is not None or not window.scheduled_jobs.exists()
        if not self.has_own:
            for name in ("repositories", "add", "only_here", *self.afterwards):
                del self.fields[name]
        elif not self.are_elsewhere():
            del self.fields["only_here"]

    def are_elsewhere(self) -> bool:
        """Some repository is backed up by a schedule with times of its own: then it has to be asked for."""
        return ScheduledJob.objects.by_themselves().filter(enabled=True, members__isnull=False).exists()

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.advanced]

    def given(self) -> dict[str, Any]:
        """What `maintenance_windows.create` and `change` take."""
        names = ("name", "cron_expression", *self.advanced)
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def of_jobs(self) -> dict[str, Any]:
        """What `maintenance_windows.set_jobs` takes."""
        return {name: self.cleaned_data[name] for name in ("repositories", *self.afterwards)}

    @property
    def only_here_wanted(self) -> bool:
        return bool(self.cleaned_data.get("only_here"))

    def tell(self, errors: Mapping[str, str]) -> None:
        """Sentences by field; above the form where no field of it is meant."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)


NEW = {"max_parallel": 1, "only_here": True}


def of_window(window: MaintenanceWindow) -> dict[str, Any]:
    """The form filled in with what a window is."""
    return {
        **{name: getattr(window, name) for name in ("name", "description", "timezone", "max_parallel")},
        **filled_in(window.cron_expression),
        "max_duration": window.max_duration,
        "catch_up": window.catch_up or "0 s",
    }


def as_typed(data: QueryDict, window: MaintenanceWindow | None, jobs: ScheduledJob | None) -> WindowForm:
    """The form with what was typed, not judged yet, after a button of the picker was pressed."""
    return WindowForm(window=window, jobs=jobs, initial=typed_in(data, list(WindowForm.base_fields)))
