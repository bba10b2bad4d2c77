import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from backups import exits, following, pipeline, queue, tasks, worker
from backups.launcher import Launcher
from backups.models import BackupJob, JobStatus, Repository, WindowRun
from backups.schemas import JobOut
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused

PAUSE = 2.0  # seconds between two processes for the same job


class Command(BaseCommand):
    help = "Back up a repository and follow it. Where no worker is alive, this command runs the backup itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", help="name or id")
        parser.add_argument("--no-wait", action="store_true", help="queue it and return at once")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            repository = Repository.objects.kept().named(options["repository"])
        except Repository.DoesNotExist:
            raise Refused(f"There is no repository '{options['repository']}'. {known_names()}") from None
        with transaction.atomic():
            job = queue.enqueue(repository, triggered_by="command")
            transaction.on_commit(tasks.poke, robust=True)  # the minute tick finds what a lost poke left
        if not options["no_wait"]:
            job = self.follow(job, quiet=options["json"])
        if options["json"]:
            self.print_json(JobOut.of(job, timezone.now()).model_dump(mode="json"))
        elif options["no_wait"]:
            self.stdout.write(f"Queued as job {job.pk}.")
        sys.exit(0 if options["no_wait"] else exits.of(job))

    def follow(self, job: BackupJob, quiet: bool) -> BackupJob:
        say = (lambda line: None) if quiet else self.say
        own = OwnProcess()
        try:
            job = following.Follower(job.pk, say).follow(own.see_to)
        except KeyboardInterrupt:
            job = own.stopped_by_hand(job, self.stderr.write)
        for line in [] if quiet else following.summary(job):
            say(line)
        return job

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


class OwnProcess:
    """Runs the job from here, in a process of its own, as long as no worker does it."""

    def __init__(self) -> None:
        self.launcher = Launcher()
        self.not_before = 0.0

    def see_to(self, job: BackupJob) -> None:
        self.launcher.reap()
        if worker.is_alive() or time.monotonic() < self.not_before:
            return
        if job.status == JobStatus.QUEUED:
            self.see_to_queue(job)
        elif not pipeline.directory_of(job.pk).is_owned():
            self.start(job.pk)  # its process was lost: what it stopped is started again from here

    def see_to_queue(self, job: BackupJob) -> None:
        """The job's turn comes after those before it, for which there is nobody else either."""
        on_the_way = {pk for command, pk in self.launcher.children if command == "run_job"}
        decision = queue.decide(on_the_way, {pk for command, pk in self.launcher.children if command == "run_window"})
        queue.tell_waiting(decision.waiting)
        for pk in decision.start:
            if pk <= job.pk:
                self.start(pk)
        for run in WindowRun.objects.filter(pk__in=decision.open, created_at__lt=job.created_at):
            self.launcher.start("run_window", run.pk)
        if job.pk in decision.waiting and self.launcher.recover():
            self.put_off()

    def start(self, pk: int) -> None:
        self.launcher.start("run_job", pk)
        self.put_off()

    def put_off(self) -> None:
        """A process that comes back without having done anything is not started again at once."""
        self.not_before = time.monotonic() + PAUSE

    def stopped_by_hand(self, job: BackupJob, say: Any) -> BackupJob:
        """Ctrl-C: where this command runs the job it is a planned stop, else only the following ends."""
        child = self.launcher.children.get(("run_job", job.pk))
        is_nobodys = job.status == JobStatus.QUEUED and not worker.is_alive()
        if child is None and not is_nobodys:
            say(f"Job {job.pk} goes on; this only stopped following it. To cancel: manage.py cancel {job.pk}")
            sys.exit(130)
        if child is not None:
            say(f"Stopping; services are brought back first, for at most {settings.STOP_GRACE} s.")
            child.terminate()
            child.wait()
        job.refresh_from_db()
        return queue.request_cancel(job) if job.status == JobStatus.QUEUED else job


def known_names() -> str:
    names = list(Repository.objects.kept().order_by("name").values_list("name", flat=True)[:20])
    return f"There are: {', '.join(names)}." if names else "There is none yet."
