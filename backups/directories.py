"""Where a job, or a window's run, has its run directory on this host."""

from django.conf import settings

from borgui.rundir import RunDirectory

from .models import Work


def of(model: type[Work], pk: int) -> RunDirectory:
    return RunDirectory(settings.RUN_DIR / model.folder / str(pk))
