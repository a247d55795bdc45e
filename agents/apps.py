from __future__ import annotations

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents and policies"

    def ready(self) -> None:
        from agents.responders import register_responders

        register_responders()
