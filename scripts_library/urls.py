from django.urls import path

from .views import assignments, executions, revisions, scripts

urlpatterns = [
    path("scripts/", scripts.scripts, name="scripts"),
    path("scripts/new/", scripts.script_new, name="script-new"),
    path("scripts/register/", scripts.scripts_register, name="scripts-register"),
    path("scripts/<int:pk>/", scripts.script, name="script"),
    path("scripts/<int:pk>/delete/", scripts.script_delete, name="script-delete"),
    path("scripts/<int:pk>/drift/", revisions.script_drift, name="script-drift"),
    path("scripts/<int:pk>/versions/<str:sha256>/", revisions.script_revision, name="script-revision"),
    path("scripts/<int:pk>/versions/<str:sha256>/restore/", revisions.script_restore, name="script-restore"),
    path("repositories/<int:pk>/scripts/", assignments.repository_scripts, name="repository-scripts"),
    path("repositories/<int:pk>/scripts/add/<str:hook>/", assignments.assignment_new, name="assignment-new"),
    path("repositories/<int:pk>/scripts/<int:rs_id>/", assignments.assignment, name="assignment"),
    path("repositories/<int:pk>/scripts/<int:rs_id>/move/", assignments.assignment_move, name="assignment-move"),
    path("repositories/<int:pk>/scripts/<int:rs_id>/switch/", assignments.assignment_switch, name="assignment-switch"),
    path("repositories/<int:pk>/scripts/<int:rs_id>/remove/", assignments.assignment_remove, name="assignment-remove"),
    path("executions/<int:pk>/", executions.execution, name="execution"),
    path("executions/<int:pk>/tail/", executions.execution_tail, name="execution-tail"),
    path("executions/<int:pk>/log/", executions.execution_log, name="execution-log"),
    path("executions/<int:pk>/cancel/", executions.execution_cancel, name="execution-cancel"),
]
