from django.urls import URLPattern, path

from .views import (
    approvals,
    assignments,
    board,
    copies,
    declaring,
    executions,
    merging,
    places,
    revisions,
    scripts,
    sharing,
    shelf,
    templates,
    testruns,
    upgrades,
)


def around(below: str, kind: str) -> list[URLPattern]:
    """The board of a repository or a window, and each of its scripts, below an address that ends with a number."""
    urls, of = places.URLS[kind], {"kind": kind}
    one = f"{below}<int:rs_id>/"
    return [
        path(below, board.scripts_around, of, urls["board"]),
        path(f"{below}picker/", board.script_picker, of, urls["picker"]),
        path(f"{below}order/", board.assignment_order, of, urls["order"]),
        path(f"{below}drop/<str:hook>/", board.assignment_drop, of, urls["drop"]),
        path(f"{below}add/<str:hook>/", assignments.assignment_new, of, urls["new"]),
        path(one, assignments.assignment, of, urls["one"]),
        path(f"{one}move/", board.assignment_move, of, urls["move"]),
        path(f"{one}switch/", board.assignment_switch, of, urls["switch"]),
        path(f"{one}remove/", assignments.assignment_remove, of, urls["remove"]),
        path(f"{one}run/", assignments.assignment_run, of, urls["run"]),
    ]


urlpatterns = [
    path("scripts/", shelf.scripts, name="scripts"),
    path("scripts/new/", scripts.script_new, name="script-new"),
    path("scripts/lint/", declaring.script_lint, name="script-lint"),
    path("scripts/block/", declaring.script_block, name="script-block"),
    path("scripts/register/", shelf.scripts_register, name="scripts-register"),
    path("scripts/export/", sharing.scripts_export, name="scripts-export"),
    path("scripts/import/", sharing.scripts_import, name="scripts-import"),
    path("scripts/import/<str:name>/", sharing.scripts_review, name="scripts-review"),
    path("scripts/import/<str:name>/cancel/", sharing.scripts_import_cancel, name="scripts-import-cancel"),
    path("scripts/import/<str:name>/<int:number>/", sharing.scripts_review_text, name="scripts-review-text"),
    path("scripts/<int:pk>/", scripts.script, name="script"),
    path("scripts/<int:pk>/delete/", scripts.script_delete, name="script-delete"),
    path("scripts/<int:pk>/drift/", revisions.script_drift, name="script-drift"),
    path("scripts/<int:pk>/approval/", approvals.script_approval, name="script-approval"),
    path("scripts/<int:pk>/merge/", merging.script_merge, name="script-merge"),
    path("scripts/<int:pk>/versions/", revisions.script_history, name="script-history"),
    path("scripts/<int:pk>/versions/difference/", revisions.script_difference, name="script-difference"),
    path("scripts/<int:pk>/versions/<str:sha256>/", revisions.script_revision, name="script-revision"),
    path("scripts/<int:pk>/versions/<str:sha256>/restore/", revisions.script_restore, name="script-restore"),
    path("repositories/<int:pk>/scripts/copy/", copies.assignments_copy, name="assignments-copy"),
    *around("repositories/<int:pk>/scripts/", "repository"),
    *around("windows/<int:pk>/scripts/", "window"),
    path("scripts/<int:pk>/upgrade/", upgrades.script_upgrade, name="script-upgrade"),
    path("scripts/<int:pk>/offer/", templates.script_offer, name="script-offer"),
    path("templates/", templates.templates, name="templates"),
    path("templates/<str:name>/", templates.template, name="template"),
    path("templates/<str:name>/script/", templates.template_script, name="template-script"),
    path("templates/<str:name>/duplicate/", templates.template_duplicate, name="template-duplicate"),
    path("scripts/<int:pk>/try/", testruns.script_try, name="script-try"),
    path("scripts/<int:pk>/try/stops/", testruns.try_stops, name="try-stops"),
    path("executions/<int:pk>/try/tail/", testruns.try_tail, name="try-tail"),
    path("executions/<int:pk>/try/go-on/", testruns.try_go_on, name="try-go-on"),
    path("executions/<int:pk>/", executions.execution, name="execution"),
    path("executions/<int:pk>/tail/", executions.execution_tail, name="execution-tail"),
    path("executions/<int:pk>/log/", executions.execution_log, name="execution-log"),
    path("executions/<int:pk>/again/", executions.execution_again, name="execution-again"),
    path("executions/<int:pk>/cancel/", executions.execution_cancel, name="execution-cancel"),
]
