import sys
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from backups import exits, following, queue, tasks, worker
from backups.launcher import Launcher
from backups.models import BackupJob
from backups.schemas import JobOut
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = "Run the post-backup scripts of a finished backup again, those that have not succeeded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=int)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = queue.request_post_backup(BackupJob.objects.get(pk=options["job"]))
        except BackupJob.DoesNotExist:
            raise Refused(f"There is no job {options['job']}.") from None
        except queue.TooLate as reason:
            raise Refused(str(reason)) from None
        job = self.run(job, quiet=options["json"])
        if options["json"]:
            self.print_json(JobOut.of(job, timezone.now()).model_dump(mode="json"))
        sys.exit(exits.Exit.BROKEN_PROMISE if exits.of(job) == exits.Exit.BROKEN_PROMISE else exits.Exit.SUCCESS)

    def run(self, job: BackupJob, quiet: bool) -> BackupJob:
        """By the worker, or in a process of our own where none is alive; followed to the end."""
        launcher = Launcher()
        if worker.is_alive():
            transaction.on_commit(lambda: tasks.start_again(job.pk))
        else:
            launcher.start("run_job", job.pk)
        say = (lambda line: None) if quiet else self.stdout.write
        job = following.Follower(job.pk, say).follow(lambda _: launcher.reap())
        say(f"Services: {following.services_words(job, list(job.executions.in_order()))}")
        return job
