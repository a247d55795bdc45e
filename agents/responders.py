"""How an incident, or a person, stops an agent, a function or a merchant."""

from __future__ import annotations

from agents.core.merchants import merchant_key
from agents.makers import made_by_oneself
from agents.models import Agent, Function
from agents.queries import lock_agent_row
from audit.base.context import Principal
from audit.base.errors import NotFound, NotPermitted
from security.locks.responders import Target, register


class AgentResponder:
    """Takes the row lock: a decision under way ends first, the next sees the lock."""

    def lock(
        self, target_id: str, *, acting: Principal, reason: str, incident: str | None
    ) -> None:
        lock_agent_row(target_id)

    def unlock(self, target_id: str, *, acting: Principal, reason: str) -> None:
        if made_by_oneself(acting, lock_agent_row(target_id).id):
            raise NotPermitted(
                "Another person must unlock what is yours, or runs under what you made."
            )

    def describe(self, target_id: str) -> Target | None:
        agent = Agent.objects.filter(pk=target_id).first()
        return Target(agent.pk, agent.name, agent.owner_id) if agent else None


class FunctionResponder:
    """A function is stopped by its name, for all agents."""

    def lock(
        self, target_id: str, *, acting: Principal, reason: str, incident: str | None
    ) -> None:
        _lock_function(target_id)

    def unlock(self, target_id: str, *, acting: Principal, reason: str) -> None:
        _lock_function(target_id)

    def describe(self, target_id: str) -> Target | None:
        function = Function.objects.filter(name=target_id).first()
        return Target(function.name, function.name) if function else None


class MerchantResponder:
    """A merchant is stopped by its key (agents.core.merchants); it has no row."""

    def lock(
        self, target_id: str, *, acting: Principal, reason: str, incident: str | None
    ) -> None:
        _check_key(target_id)

    def unlock(self, target_id: str, *, acting: Principal, reason: str) -> None:
        _check_key(target_id)

    def describe(self, target_id: str) -> Target | None:
        """Return the merchant of a name in any spelling, by the key they share."""
        key = merchant_key(target_id)
        return Target(key, " ".join(target_id.split())) if key else None


def register_responders() -> None:
    """Register the locks of agents, functions and merchants; called once, at start."""
    register("agent", AgentResponder())
    register("function", FunctionResponder())
    register("merchant", MerchantResponder())


def _check_key(text: str) -> None:
    """Raise NotFound for a text that is not a key: a lock on it would stop nothing."""
    if not text or merchant_key(text) != text:
        raise NotFound


def _lock_function(name: str) -> None:
    if not Function.objects.select_for_update().filter(name=name).first():
        raise NotFound
