"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from . import api
from .accounts.views.signing_in import admin_sign_in
from .health import health
from .theme import theme

admin.autodiscover()

urlpatterns = [
    path("health/", health, name="health"),
    path("theme/", theme, name="theme"),
    path("api/", api.urls),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
    path("", include("borgui.accounts.urls")),
    path("", include("backups.urls")),
    path("", include("scripts_library.urls")),
]
