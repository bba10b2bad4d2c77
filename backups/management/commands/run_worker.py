import logging
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import autodiscover_modules
from huey.contrib.djhuey import HUEY

from backups import worker
from backups.borg_ui_import import applying
from backups.launcher import launcher
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Recover what was lost, then take work until told to stop. Several may run side by side."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = [one for one in checks.run_checks(include_deployment_checks=False) if one.is_serious()]
        if problems:
            raise Refused("The worker cannot start:\n" + "\n".join(str(one.msg) for one in problems))
        autodiscover_modules("tasks")
        applying.undo_unfinished()
        with worker.present():
            worker.Host(HUEY.create_consumer(**settings.CONSUMER), launcher).run()
