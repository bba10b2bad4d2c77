from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "borgui.accounts"
    label = "accounts"
