from django.urls import path

from . import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("change-password/", views.change_password, name="change-password"),
    path("setup/", views.setup_without_link, name="setup-without-link"),
    path("setup/<str:token>/", views.set_up, name="setup"),
]
