"""Admin pages of backups. History is read-only; where a repository is, and what opens it, is changed through borg only."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from borgui.accounts import audit
from borgui.look_only import LookOnly

from . import repositories
from .models import (
    BackupJob,
    BrokenPromise,
    Channel,
    Delivery,
    DismissedHint,
    ImportedRow,
    MaintenanceWindow,
    Notification,
    Ping,
    Repository,
    ScheduledJob,
    ScheduledRepository,
    ScheduleRun,
    WindowRun,
    Worker,
)
from .repository_rules import problems

EDITABLE = [
    "name",
    "source_paths",
    "exclude_patterns",
    "exclude_if_present",
    "one_file_system",
    "exclude_caches",
    "compression",
    "archive_name_template",
    "upload_rate_limit",
    "lock_wait",
    "backup_timeout",
    "max_downtime",
    "compact_after",
    "check_every_days",
]


class RepositoryForm(forms.ModelForm):
    class Meta:
        model = Repository
        fields = EDITABLE

    def clean(self) -> dict[str, Any]:
        """The rules of every other way to change a repository; lists must be lists of texts."""
        cleaned = super().clean() or self.cleaned_data
        for name in ("source_paths", "exclude_patterns", "exclude_if_present"):
            value = cleaned.get(name)
            if name in cleaned and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
                self.add_error(name, 'Write a list of texts: ["/home", "/etc"].')
        for name, sentence in problems({k: v for k, v in cleaned.items() if k not in self.errors}).items():
            self.add_error(name, sentence)
        return cleaned


@admin.register(Repository)
class RepositoryAdmin(LookOnly):
    form = RepositoryForm
    list_display = ["name", "path", "encryption", "last_good_at", "deleted_at"]
    search_fields = ["name", "path"]

    def get_readonly_fields(self, request: HttpRequest, obj: Repository | None = None) -> list[str]:
        return [name for name in self.visible() if name not in EDITABLE]

    def has_change_permission(self, request: HttpRequest, obj: Repository | None = None) -> bool:
        return obj is None or obj.deleted_at is None

    def save_model(self, request: HttpRequest, obj: Repository, form: Any, change: bool) -> None:
        """Only what was changed: a job may be writing other columns of this row."""
        before = repositories.audited(Repository.objects.get(pk=obj.pk), form.changed_data)
        obj.updated_at = timezone.now()
        forgotten = obj.forget_confirmation(set(form.changed_data))
        obj.save(update_fields=[*form.changed_data, *forgotten, "updated_at"])
        audit.record_change("repository changed", obj, before, repositories.audited(obj, form.changed_data))


@admin.register(BackupJob)
class BackupJobAdmin(LookOnly):
    hidden = ("token",)
    list_display = ["id", "repository", "status", "outcome", "data", "services", "started_at", "completed_at"]
    list_select_related = ["repository"]
    list_filter = ["status", "data", "services", "triggered_by"]
    search_fields = ["repository__name", "archive_name", "message"]


@admin.register(ScheduledJob)
class ScheduledJobAdmin(LookOnly):
    """Times are computed when they change: that is done on the pages and through the API."""

    list_display = ["name", "cron_expression", "timezone", "enabled", "paused_until", "last_run", "next_run"]
    search_fields = ["name"]


@admin.register(ScheduledRepository)
class ScheduledRepositoryAdmin(LookOnly):
    list_display = ["scheduled_job", "position", "repository"]
    list_select_related = ["scheduled_job", "repository"]


@admin.register(WindowRun)
class WindowRunAdmin(LookOnly):
    list_display = ["window_name", "due_at", "status", "outcome", "services", "started_at", "completed_at"]
    list_filter = ["status", "services", "triggered_by"]
    search_fields = ["window_name", "message"]


@admin.register(ScheduleRun)
class ScheduleRunAdmin(LookOnly):
    list_display = ["scheduled_job", "due_at", "status", "is_catch_up", "created_at", "ended_at"]
    list_select_related = ["scheduled_job"]
    list_filter = ["status", "is_catch_up"]


@admin.register(BrokenPromise)
class BrokenPromiseAdmin(LookOnly):
    list_display = ["script_name", "repository", "window_run", "since", "closed_at", "closed_by_user"]
    list_select_related = ["repository", "window_run", "closed_by_user"]


@admin.register(Notification)
class NotificationAdmin(LookOnly):
    list_display = ["title", "event", "repository", "created_at", "repeats"]
    list_select_related = ["repository"]
    list_filter = ["event"]


@admin.register(Channel)
class ChannelAdmin(LookOnly):
    list_display = ["name", "kind", "enabled", "last_sent_at", "last_error_at"]


@admin.register(Delivery)
class DeliveryAdmin(LookOnly):
    list_display = ["notification", "channel", "status", "attempts", "next_try_at", "sent_at"]
    list_select_related = ["notification", "channel"]
    list_filter = ["status"]


@admin.register(Ping)
class PingAdmin(LookOnly):
    list_display = ["schedule_run", "kind", "status", "attempts", "next_try_at", "sent_at"]
    list_select_related = ["schedule_run"]
    list_filter = ["status", "kind"]


@admin.register(ImportedRow)
class ImportedRowAdmin(LookOnly):
    list_display = ["kind", "here_id", "imported_at"]
    list_filter = ["kind"]


@admin.register(DismissedHint)
class DismissedHintAdmin(LookOnly):
    list_display = ["key", "dismissed_at"]


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(LookOnly):
    list_display = ["name", "cron_expression", "timezone", "enabled", "last_run", "next_run"]


@admin.register(Worker)
class WorkerAdmin(LookOnly):
    list_display = ["hostname", "host_id", "started_at", "last_seen"]
