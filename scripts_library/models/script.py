"""Scripts and their revisions (behaviour.md, section 11)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from borgui.fields import EncryptedJSONField

from .choices import SECONDS, RunOn


class ScriptQuerySet(models.QuerySet["Script"]):
    def kept(self) -> "ScriptQuerySet":
        """Those not deleted."""
        return self.filter(deleted_at=None)

    def waiting(self) -> "ScriptQuerySet":
        """Those whose newest text nobody has approved or turned down (`approval`)."""
        return self.kept().exclude(sha256=F("approved_sha256")).exclude(sha256=F("turned_down_sha256"))


class Script(models.Model):
    """The row of a script file. The file is the truth for content, this row for everything else (section 11)."""

    class Category(models.TextChoices):
        CUSTOM = "custom", "custom"
        TEMPLATE = "template", "from a template"

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    file_path = models.CharField(max_length=255, help_text="below the scripts folder: library/docker-stop_1a2b3c.sh")
    category = models.CharField(max_length=20, choices=Category.choices, default=Category.CUSTOM)
    timeout = models.PositiveIntegerField(default=300, validators=SECONDS, help_text="seconds")
    run_on = models.CharField(max_length=20, choices=RunOn.choices, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    is_template = models.BooleanField(default=False)
    template_version = models.CharField(max_length=20, null=True, blank=True)
    template_name = models.CharField(max_length=255, blank=True, help_text="file of the shipped template it comes from")
    template_script = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, help_text="the script it was made from"
    )
    template_content = models.ForeignKey(
        "ScriptContent",
        models.PROTECT,
        null=True,
        editable=False,
        db_column="template_sha256",
        help_text="the text it was made from, or last brought up to",
    )
    template_ignored = models.CharField(
        max_length=64, blank=True, editable=False, help_text="hash of the newer text that a person does not want"
    )
    usage_count = models.PositiveIntegerField(default=0, editable=False, help_text="runs in jobs")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    sha256 = models.CharField(max_length=64, editable=False, help_text="of the newest revision")
    manifest = models.JSONField(default=dict, editable=False, help_text="the block of the newest revision, as read")
    parameters = EncryptedJSONField(default=dict, blank=True, help_text="default values by name")
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen_stat = models.CharField(
        max_length=80, blank=True, editable=False, help_text="inode, size and times of the file"
    )
    unseen_edit = models.BooleanField(
        default=False, editable=False, help_text="changed outside, not yet kept or reverted"
    )
    approved_sha256 = models.CharField(
        max_length=64, blank=True, editable=False, help_text="of the text that runs with BORGUI_FOUR_EYES"
    )
    approved_manifest = models.JSONField(default=dict, editable=False, help_text="the block of that text, as read")
    turned_down_sha256 = models.CharField(
        max_length=64, blank=True, editable=False, help_text="of the text that was turned down last"
    )

    objects = ScriptQuerySet.as_manager()

    class Meta:
        db_table = "scripts"
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="unique_script_name"),
            models.UniqueConstraint(fields=["file_path"], name="unique_script_file"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def run_on_declared(self) -> bool:
        return self.run_on is not None

    @property
    def effective_run_on(self) -> str:
        return self.run_on or RunOn.SUCCESS

    @property
    def hooks(self) -> list[str]:
        """The hooks that the block declares; empty: any."""
        return list(self.manifest.get("hooks", []))


class ScriptContent(models.Model):
    """One exact text, kept once per hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.TextField()

    class Meta:
        db_table = "script_contents"

    def __str__(self) -> str:
        return self.sha256


class ScriptRevision(models.Model):
    """One saved or seen content of a script. `script` is null for an inline text (section 12)."""

    class Source(models.TextChoices):
        EDITOR = "editor", "the editor"
        DISK = "disk", "a change of the file"
        API = "api", "the API"
        TEMPLATE = "template", "a template"
        MIGRATION = "migration", "a migration"
        INLINE = "inline", "an inline text"
        RESTORE = "restore", "an older revision"
        PACKAGE = "package", "a package"
        IMPORT = "import", "an import"

    class Decision(models.TextChoices):
        APPROVED = "approved", "approved"
        TURNED_DOWN = "turned down", "turned down"

    script = models.ForeignKey(Script, models.CASCADE, null=True, related_name="revisions")
    content = models.ForeignKey(ScriptContent, models.PROTECT, db_column="sha256")
    source = models.CharField(max_length=20, choices=Source.choices)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    decision = models.CharField(
        max_length=20, choices=Decision.choices, blank=True, help_text="what somebody else said to it (four eyes)"
    )
    decided_at = models.DateTimeField(null=True)
    decided_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decision_remark = models.CharField(max_length=500, blank=True, help_text="why, or how it came about")
    remark = models.CharField(max_length=200, blank=True, help_text="commit and author where the folder is in git")

    class Meta:
        db_table = "script_revisions"
        ordering = ["-id"]
        indexes = [models.Index(fields=["script", "-id"], name="revisions_of_script")]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def sha256(self) -> str:
        return self.content_id

    @property
    def text(self) -> str:
        return self.content.content
