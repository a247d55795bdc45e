from __future__ import annotations

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents and policies"

    def ready(self) -> None:
        from agents import changes, responders

        responders.register_responders()
        changes.register_changers()
