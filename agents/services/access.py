"""The check of who may change an agent; every write goes through it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from django.db import IntegrityError

from accounts.models import User
from agents.errors import NameTaken
from agents.models import Agent, Function
from agents.queries import agents_visible_to
from audit.base.errors import NotFound, NotPermitted


def require(acting: User, permission: str) -> None:
    """Raise NotPermitted unless a person has a permission ("app.codename")."""
    if not acting.has_perm(permission):
        raise NotPermitted


def managed_agent(agent_id: str, permission: str, acting: User) -> Agent:
    """Return a visible agent that a person may change, in 1 query.

    Raises NotFound for what they may not see, NotPermitted for what they may only see.
    """
    agent = agents_visible_to(acting).filter(pk=agent_id).first()
    return _allowed(agent, permission, acting)


def lock_managed(agent_id: str, permission: str, acting: User) -> Agent:
    """Return managed_agent() with its row locked until the transaction ends.

    Joins nothing: after a wait for the lock, rows of other tables would be old.
    """
    agents = agents_visible_to(acting).select_for_update(of=("self",))
    return _allowed(agents.filter(pk=agent_id).first(), permission, acting)


def hold_functions(names: Iterable[str]) -> None:
    """Keep functions from changing until the transaction ends, which names them.

    Read them afterwards: what is joined to a row that one waited for would be old.
    """
    held = Function.objects.select_for_update(no_key=True).filter(name__in=names)
    list(held.order_by("name"))


def target(agent: Agent) -> tuple[str, str, str]:
    """Return how the audit log names an agent."""
    return "agent", agent.pk, agent.name


@contextlib.contextmanager
def telling_taken_name(constraint: str) -> Iterator[None]:
    """Raise NameTaken when the database refuses a name by that constraint.

    Enter it outside of the transaction, which the failure has ended.
    """
    try:
        yield
    except IntegrityError as error:
        if constraint not in str(error):
            raise
        raise NameTaken(pointer="/name") from error


def _allowed(agent: Agent | None, permission: str, acting: User) -> Agent:
    if agent is None:
        raise NotFound
    require(acting, permission)
    return agent
