"""Which repository, job or promise somebody may see: get it, or raise Http404. Deleted repositories are not there.

Everybody with an account sees everything; rights of people come with roles, and they come here.
"""

from django.http import Http404

from .models import BackupJob, BrokenPromise, Channel, MaintenanceWindow, Repository, ScheduledJob, WindowRun


def repository(pk: int) -> Repository:
    found = Repository.objects.kept().filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no repository {pk}.")
    return found


def job(pk: int) -> BackupJob:
    found = (
        BackupJob.objects.select_related("repository", "schedule_run__scheduled_job", "window_run")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise Http404(f"There is no job {pk}.")
    return found


def promise(pk: int) -> BrokenPromise:
    found = BrokenPromise.objects.select_related("job", "window_run").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no broken promise {pk}.")
    return found


def schedule(pk: int) -> ScheduledJob:
    """Also one that belongs to a maintenance window."""
    found = ScheduledJob.objects.select_related("maintenance_window").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no schedule {pk}.")
    return found


def window(pk: int) -> MaintenanceWindow:
    found = MaintenanceWindow.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no maintenance window {pk}.")
    return found


def window_run(pk: int) -> WindowRun:
    rows = WindowRun.objects.select_related("window", "triggered_by_user", "cancel_requested_by")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no opening {pk} of a window.")
    return found


def channel(pk: int) -> Channel:
    found = Channel.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no channel {pk}.")
    return found
