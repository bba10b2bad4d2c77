from django.urls import path

from .views import archives, jobs, kit, overview, repositories, repository

urlpatterns = [
    path("", overview.start, name="start"),
    path("overview/running/", overview.overview_running, name="overview-running"),
    path("overview/back-up/", overview.overview_backup, name="overview-backup"),
    path("repositories/", repositories.listed, name="repositories"),
    path("repositories/new/", repositories.new, name="repository-new"),
    path("repositories/sources-seen/", repositories.sources_seen, name="sources-seen"),
    path("repositories/<int:pk>/archives/", archives.listed, name="repository-archives"),
    path("repositories/<int:pk>/archives/list/", archives.archive_list, name="archive-list"),
    path("repositories/<int:pk>/settings/", repositories.settings, name="repository-settings"),
    path("repositories/<int:pk>/delete/", repositories.delete, name="repository-delete"),
    path("repositories/<int:pk>/kit/", kit.kit, name="repository-kit"),
    path("repositories/<int:pk>/kit/download/", kit.kit_download, name="kit-download"),
    path("repositories/<int:pk>/kit/saved/", kit.kit_saved, name="kit-saved"),
    path("repositories/<int:pk>/", repository.repository, name="repository"),
    path("repositories/<int:pk>/backup/", repository.repository_backup, name="repository-backup"),
    path("repositories/<int:pk>/break-lock/", repository.repository_break_lock, name="repository-break-lock"),
    path("jobs/<int:pk>/", jobs.job, name="job"),
    path("jobs/<int:pk>/progress/", jobs.job_progress, name="job-progress"),
    path("jobs/<int:pk>/tail/", jobs.job_tail, name="job-tail"),
    path("jobs/<int:pk>/log/<str:step>/", jobs.job_log_file, name="job-log-file"),
    path("jobs/<int:pk>/cancel/", jobs.job_cancel, name="job-cancel"),
    path("jobs/<int:pk>/post-backup/", jobs.job_post_backup, name="job-post-backup"),
    path("promises/<int:pk>/close/", jobs.promise_close, name="promise-close"),
]
