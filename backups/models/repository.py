"""A borg repository: where archives go, what goes in, how it is locked, and what follows a backup."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from borgui.fields import EncryptedTextField

KEEPS = ("keep_within", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")
DECIDES_WHAT_GOES = {*KEEPS, "name", "archive_name_template", "path"}
TEXT = r"\S"  # more than white space
SECONDS = [MinValueValidator(1), MaxValueValidator(30 * 24 * 3600)]


class Encryption(models.TextChoices):
    """borg's modes that versions 1.2 and 1.4 know."""

    NONE = "none"
    AUTHENTICATED = "authenticated"
    AUTHENTICATED_BLAKE2 = "authenticated-blake2"
    REPOKEY = "repokey"
    REPOKEY_BLAKE2 = "repokey-blake2"
    KEYFILE = "keyfile"
    KEYFILE_BLAKE2 = "keyfile-blake2"


class RepositoryQuerySet(models.QuerySet["Repository"]):
    def kept(self) -> "RepositoryQuerySet":
        """Those not deleted."""
        return self.filter(deleted_at=None)

    def unscheduled(self) -> "RepositoryQuerySet":
        """Those that no schedule backs up, nor a maintenance window: only somebody who presses a button."""
        return self.exclude(scheduled_jobs__enabled=True)

    def with_inline_texts(self) -> "RepositoryQuerySet":
        """Those with an old text that is not empty, moved to the library or not."""
        return self.filter(Q(pre_backup_script__regex=TEXT) | Q(post_backup_script__regex=TEXT))

    def with_texts_to_move(self) -> "RepositoryQuerySet":
        """Those with one that is not moved to the library."""
        pre = Q(pre_hook_migrated=False, pre_backup_script__regex=TEXT)
        return self.filter(pre | Q(post_hook_migrated=False, post_backup_script__regex=TEXT))

    def named(self, name_or_id: str) -> "Repository":
        """The one with this name, else with this id. Raises Repository.DoesNotExist."""
        found = self.filter(name=name_or_id).first()
        if found is None and name_or_id.isdecimal() and len(name_or_id) < 19:
            found = self.filter(pk=int(name_or_id)).first()
        if found is None:
            raise Repository.DoesNotExist(name_or_id)
        return found


class Repository(models.Model):
    name = models.CharField(max_length=100)
    path = models.CharField(max_length=1000, help_text="a folder, or ssh://user@host:port/path")
    source_paths = models.JSONField(default=list)
    exclude_patterns = models.JSONField(default=list, blank=True)
    exclude_if_present = models.JSONField(default=list, blank=True)
    one_file_system = models.BooleanField(default=False)
    exclude_caches = models.BooleanField(default=False)
    encryption = models.CharField(max_length=30, choices=Encryption.choices, default=Encryption.REPOKEY_BLAKE2)
    passphrase = EncryptedTextField(blank=True, default="")
    compression = models.CharField(max_length=50, default="lz4")
    archive_name_template = models.CharField(max_length=200, default="{name}-{now}")
    upload_rate_limit = models.PositiveIntegerField(null=True, blank=True, help_text="KiB/s")
    lock_wait = models.PositiveIntegerField(null=True, blank=True, help_text="seconds")
    remote_path = models.CharField(max_length=500, blank=True, default="")
    backup_timeout = models.PositiveIntegerField(null=True, blank=True, validators=SECONDS, help_text="seconds")
    max_downtime = models.PositiveIntegerField(null=True, blank=True, validators=SECONDS, help_text="seconds")
    connected = models.BooleanField(default=False, help_text="existed before; not made here")
    untried = models.BooleanField(
        default=False, editable=False, help_text="came with an import, and nobody has tried to reach it from here yet"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    kit_saved_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="a person said that the emergency kit is stored elsewhere"
    )

    # inline texts (behaviour.md, section 12)
    pre_backup_script = models.TextField(blank=True, default="")
    post_backup_script = models.TextField(blank=True, default="")
    pre_hook_timeout = models.PositiveIntegerField(default=300, help_text="seconds")
    post_hook_timeout = models.PositiveIntegerField(default=300, help_text="seconds")
    continue_on_hook_failure = models.BooleanField(default=False)
    skip_on_hook_failure = models.BooleanField(default=False)
    pre_hook_migrated = models.BooleanField(default=False)
    post_hook_migrated = models.BooleanField(default=False)

    # what follows the backup
    keep_within = models.CharField(max_length=20, blank=True, default="")
    keep_hourly = models.PositiveIntegerField(default=0)
    keep_daily = models.PositiveIntegerField(default=7)
    keep_weekly = models.PositiveIntegerField(default=4)
    keep_monthly = models.PositiveIntegerField(default=6)
    keep_yearly = models.PositiveIntegerField(default=1)
    prune_after = models.BooleanField(default=False)
    prune_confirmed_at = models.DateTimeField(null=True, blank=True)
    compact_after = models.BooleanField(default=False)
    check_every_days = models.PositiveIntegerField(null=True, blank=True)
    last_check_at = models.DateTimeField(null=True, blank=True, editable=False)

    overdue_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="people were told that no good backup was made for too long"
    )

    # what the last look at it found
    last_good_at = models.DateTimeField(null=True, blank=True, editable=False)
    stats = models.JSONField(default=dict, blank=True, editable=False, help_text="sizes, as borg told them last")

    objects = RepositoryQuerySet.as_manager()

    class Meta:
        db_table = "repositories"
        verbose_name_plural = "repositories"
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="unique_repository_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_remote(self) -> bool:
        """Borg's own rule: a URL, or `host:path` before any slash."""
        head = self.path.partition("/")[0]
        return self.path.startswith("ssh://") or (":" in head and not self.path.startswith("file://"))

    def archive_name(self, now: datetime) -> str:
        """The template filled in, to the second in UTC; a slash would make a name that borg refuses."""
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S")
        return self.archive_name_template.replace("{name}", self.name.replace("/", "-")).replace("{now}", stamp)

    def check_is_due(self, now: datetime, every_days: int | None) -> bool:
        if not every_days:
            return False
        return self.last_check_at is None or (now - self.last_check_at).total_seconds() >= every_days * 86400

    @property
    def is_untried(self) -> bool:
        """It came with an import; neither a test nor a backup has reached it from here yet."""
        return self.untried and self.last_good_at is None

    @property
    def keeps_something(self) -> bool:
        """Whether retention says what to keep: where it does not, pruning would leave nothing."""
        return any(getattr(self, name) for name in KEEPS)

    @property
    def may_prune(self) -> bool:
        """What was there before it came here is deleted only after a person has seen and confirmed what would go."""
        return not self.connected or self.prune_confirmed_at is not None

    def forget_confirmation(self, changed: set[str]) -> set[str]:
        """A confirmation holds for what was seen then. Returns the columns that change along with those given."""
        if "path" in changed:
            self.connected = True  # what is at the new place may have been made by anybody
        if not (self.connected and changed & DECIDES_WHAT_GOES):
            return set()
        self.prune_confirmed_at, self.prune_after = None, False
        return {"connected", "prune_confirmed_at", "prune_after"}

    def has_unfinished_job(self) -> bool:
        return self.jobs.unfinished().exists()
