from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts import changes, responders, signals

        signals.connect()
        responders.register_responders()
        changes.register_changers()
