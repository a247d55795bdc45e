"""Function calls: the snapshot for a decision, and the lists to read."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from agents.queries import (
    FUNCTION,
    STANDING,
    CallableFunction,
    LockedAgent,
    Standing,
    agents_visible_to,
    function_of,
    standing_of,
    standing_parameters,
)
from audit.base.errors import NotFound
from audit.base.prepared import first_row
from transactions.calls.models import FunctionCall
from transactions.decisions.queries.answers import ANSWER, StoredAnswer, answer_of

_SNAPSHOT = f"SELECT {FUNCTION}, {ANSWER}, {STANDING}"


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """The data for a decision on a call, read while its agent is locked."""

    registered: CallableFunction | None
    answer: StoredAnswer | None
    standing: Standing


def call_snapshot(
    function: str, *, agent: LockedAgent, credential_id: str, idempotency_key: str
) -> CallSnapshot:
    """Read the registered function, the caller's standing and any stored answer.

    1 statement, separate from lock_agent_row(), so that it sees the commits for which
    the lock waited.
    """
    parameters = standing_parameters(
        agent, credential_id=credential_id, function=function
    ) | {"key": idempotency_key}
    row = first_row(_SNAPSHOT, parameters)
    assert row is not None  # noqa: S101 - a SELECT without FROM returns one row.
    registered, answer, *standing = row
    return CallSnapshot(
        function_of(registered), answer_of(answer), standing_of(agent, standing)
    )


def calls_visible_to(user: User) -> QuerySet[FunctionCall]:
    """Return the calls of the agents that a person may see: own, team or all."""
    return FunctionCall.objects.filter(agent__in=agents_visible_to(user))


def calls_of_agent(agent_id: str) -> QuerySet[FunctionCall]:
    """Return an agent's own calls."""
    return FunctionCall.objects.filter(agent_id=agent_id)


def represented_calls(calls: QuerySet[FunctionCall]) -> QuerySet[FunctionCall]:
    """Load what representation.represent_call() needs, within the same query."""
    return calls.select_related("function_version", "decision__policy_version")


def one_call(calls: QuerySet[FunctionCall], call_id: str) -> FunctionCall:
    """Return one of these calls for representation. Raises NotFound."""
    found = represented_calls(calls).filter(pk=call_id).first()
    if found is None:
        raise NotFound
    return found
