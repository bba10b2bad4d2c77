"""Admin pages of the library. Text and history are read-only; what can be changed goes the way of every other change."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from borgui.look_only import LookOnly

from . import library
from .manifest import description_problem
from .models import RepositoryScript, Script, ScriptContent, ScriptExecution, ScriptRevision, WindowScript


class ScriptForm(forms.ModelForm):
    class Meta:
        model = Script
        fields = ["description", "timeout", "run_on"]

    def clean_description(self) -> str:
        description = self.cleaned_data["description"].replace("\r\n", "\n")
        if problem := description_problem(description):
            raise forms.ValidationError(problem)
        return description


@admin.register(Script)
class ScriptAdmin(LookOnly):
    form = ScriptForm
    list_display = ["name", "category", "timeout", "run_on", "usage_count", "last_used_at", "deleted_at"]
    search_fields = ["name", "description"]
    list_filter = ["category", "is_template"]
    editable = ("description", "timeout", "run_on")

    def get_fields(self, request: HttpRequest, obj: Script | None = None) -> list[Any]:
        return [*self.visible(), "text"]

    def get_readonly_fields(self, request: HttpRequest, obj: Script | None = None) -> list[str]:
        return [*(name for name in self.visible() if name not in self.editable), "text"]

    def has_change_permission(self, request: HttpRequest, obj: Script | None = None) -> bool:
        return obj is None or obj.deleted_at is None

    @admin.display(description="text of the newest revision")
    def text(self, script: Script) -> str:
        revision = library.current_revision(script)
        return revision.text if revision else ""

    def save_model(self, request: HttpRequest, obj: Script, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        script = Script.objects.get(pk=obj.pk)
        library.update(script, changes=changes, source=ScriptRevision.Source.EDITOR, user=request.user)


@admin.register(ScriptContent)
class ScriptContentAdmin(LookOnly):
    list_display = ["sha256"]
    search_fields = ["sha256"]


@admin.register(ScriptRevision)
class ScriptRevisionAdmin(LookOnly):
    list_display = ["id", "script", "sha256", "source", "created_at", "created_by_user"]
    list_select_related = ["script", "created_by_user"]
    list_filter = ["source"]
    search_fields = ["script__name", "content__sha256"]


@admin.register(RepositoryScript)
class RepositoryScriptAdmin(LookOnly):
    list_display = ["id", "repository", "script", "hook_type", "execution_order", "enabled", "on_failure"]
    list_select_related = ["repository", "script"]
    list_filter = ["hook_type", "enabled"]
    search_fields = ["repository__name", "script__name"]


@admin.register(WindowScript)
class WindowScriptAdmin(LookOnly):
    list_display = ["id", "window", "script", "hook_type", "execution_order", "enabled", "on_failure"]
    list_select_related = ["window", "script"]
    list_filter = ["hook_type", "enabled"]
    search_fields = ["window__name", "script__name"]


@admin.register(ScriptExecution)
class ScriptExecutionAdmin(LookOnly):
    hidden = ("token",)
    list_display = ["id", "script_name", "repository", "hook_type", "status", "exit_code", "started_at", "attempt"]
    list_select_related = ["repository"]
    list_filter = ["status", "hook_type", "triggered_by"]
    search_fields = ["script_name", "repository__name"]
