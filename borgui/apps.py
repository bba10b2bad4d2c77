from django.apps import AppConfig


class BorguiConfig(AppConfig):
    name = "borgui"

    def ready(self) -> None:
        from borgui import checks  # noqa: F401 - registers the system checks
