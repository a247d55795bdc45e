from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts import changes, responders, seals, signals

        signals.connect()
        responders.register_responders()
        changes.register_changers()
        seals.register_stores()
