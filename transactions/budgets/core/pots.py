"""Limits of the agent's policy and shared budgets: where spending counts, what is left.

A pot is where spending counts for one limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from agents.core.money import format_amount
from agents.policy.core.limits import (
    ROLLING,
    Limit,
    Period,
    Span,
    Window,
    concerns,
    scope_of,
    span_of,
    spoken_limit,
)
from agents.policy.core.policy import PolicyRules
from transactions.decisions.core.facts import SharedSpent, SpendingRequest, Spent
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding

SHARED = "shared"
DAILY = Limit(period=Period.DAY)


@dataclass(frozen=True, slots=True)
class Pot:
    """Where spending counts for a limit: one budget, or one per step of a rolling one.

    `holder` is the id of the agent or of the shared budget. For a rolling limit,
    `until` is the end of the last period that contains the instant. It is None if the
    instant is the present; then later budgets count, too, in case the clock went back.
    """

    holder: str
    scope: str
    window: str
    since: datetime
    starts_at: datetime
    ends_at: datetime | None
    until: datetime | None
    limit_minor: int | None
    limit_count: int | None

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the pot among those of its holder."""
        return self.scope, self.window

    @property
    def is_shared(self) -> bool:
        return self.scope == SHARED

    @property
    def is_many(self) -> bool:
        """Whether it covers many periods: a rolling limit at a past instant."""
        return self.step is not None and self.until is not None

    @property
    def step(self) -> timedelta | None:
        """The length of one budget of a rolling period; None for a calendar period."""
        kind, _, period = self.window.partition("_")
        return ROLLING[Period(period)].step if kind == Window.ROLLING else None


def limits_concerning(
    policy: PolicyRules | None, *, merchant: str, category: str
) -> tuple[Limit, ...]:
    """Return the limits of a policy that apply to a request; `merchant` is a key."""
    limits = policy.all_limits if policy else ()
    return tuple(
        limit
        for limit in limits
        if concerns(limit, merchant=merchant, category=category)
    )


def pots_of(
    policy: PolicyRules | None,
    *,
    agent_id: str,
    merchant: str,
    category: str,
    now: datetime,
    is_past: bool = False,
) -> tuple[Pot, ...]:
    """Return the pots in which a request counts under a policy.

    A limit of one merchant and a limit of each merchant count the same spending, so
    they share a pot with the stricter of the two limits. `is_past`: the request was
    made earlier, so rolling periods that contain it may have ended after it.
    """
    if policy is None:
        return ()
    where = {"merchant": merchant, "category": category}
    pots: dict[tuple[str, str], Pot] = {}
    for limit in limits_concerning(policy, **where):
        span = span_of(limit.period, limit.window, now, policy.time_zone)
        pot = _pot(agent_id, scope_of(limit, **where), limit, span)
        if is_past and pot.step is not None:
            reach = pot.starts_at - pot.since
            pot = replace(pot, until=pot.starts_at + pot.step + reach)
        same = pots.get(pot.key)
        pots[pot.key] = pot if same is None else _stricter(same, pot)
    return tuple(pots.values())


def fullest(pot: Pot, counts: Sequence[tuple[datetime, int]]) -> int:
    """Return the largest sum in one period of a pot.

    `counts` are pairs of a budget's start and what counts in it. If the pot covers many
    periods, none of them may exceed the limit.
    """
    if not pot.is_many:
        return sum(count for _, count in counts)
    reach = pot.starts_at - pot.since
    # Sums grow only where a budget starts, so periods with other ends are not larger.
    ends = {pot.starts_at, *(at for at, _ in counts if at > pot.starts_at)}
    return max(
        sum(count for at, count in counts if end - reach <= at <= end) for end in ends
    )


def key_of(limit: Limit, *, merchant: str, category: str) -> tuple[str, str]:
    """Return the key of the pot in which a limit counts a request."""
    return scope_of(limit, merchant=merchant, category=category), _window(limit)


class SharedLimit(Protocol):
    """The fields of a shared budget that pot_of() needs."""

    @property
    def id(self) -> str: ...
    @property
    def period(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def limit_minor(self) -> int: ...


def pot_of(budget: SharedLimit, now: datetime) -> Pot:
    """Return the pot of a shared budget; its period is always a calendar period."""
    limit = Limit(period=Period(budget.period), amount_minor=budget.limit_minor)
    span = span_of(limit.period, limit.window, now, budget.time_zone)
    return _pot(budget.id, SHARED, limit, span)


def _pot(holder: str, scope: str, limit: Limit, span: Span) -> Pot:
    return Pot(
        holder=holder,
        scope=scope,
        window=_window(limit),
        since=span.since,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        until=None if limit.window is Window.ROLLING else span.ends_at,
        limit_minor=limit.amount_minor,
        limit_count=limit.count,
    )


def _stricter(one: Pot, other: Pot) -> Pot:
    return replace(
        one,
        limit_minor=_least(one.limit_minor, other.limit_minor),
        limit_count=_least(one.limit_count, other.limit_count),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def limit_findings(
    policy: PolicyRules, request: SpendingRequest, spent: Iterable[Spent]
) -> Iterator[Finding]:
    """Find every limit of a policy that the request would exceed.

    Raises LookupError if `spent` lacks a limit.
    """
    known = {(item.scope, item.window): item for item in spent}
    where = {"merchant": request.merchant_key, "category": request.category}
    for limit in limits_concerning(policy, **where):
        yield from _passed(limit, request, known[key_of(limit, **where)])


def shared_findings(
    request: SpendingRequest, shared: Iterable[SharedSpent]
) -> Iterator[Finding]:
    """Find every shared budget that has too little left for the request."""
    for budget in shared:
        left_minor = budget.limit_minor - budget.used_minor
        if request.amount_minor > left_minor:
            values = _left(request, left_minor) | {"budget": budget.name}
            yield Finding("amount", "shared_budget_exceeded", Outcome.DENY, values)


def _passed(limit: Limit, request: SpendingRequest, state: Spent) -> Iterator[Finding]:
    if limit.amount_minor is not None:
        left_minor = limit.amount_minor - state.used_minor
        if request.amount_minor > left_minor:
            values = _left(request, left_minor) | {"period": spoken_limit(limit)}
            is_daily = limit.identity == DAILY.identity
            code = "daily_budget_exceeded" if is_daily else "amount_limit_exceeded"
            yield Finding("amount", code, Outcome.DENY, values)
    if limit.count is not None and state.count + 1 > limit.count:
        values = {
            "count": str(state.count + 1),
            "limit": str(limit.count),
            "period": spoken_limit(limit),
        }
        yield Finding("amount", "count_limit_exceeded", Outcome.DENY, values)


def _left(request: SpendingRequest, left_minor: int) -> dict[str, str]:
    return {
        "amount": _money(request.amount_minor, request.currency),
        "available": _money(max(left_minor, 0), request.currency),
    }


def _money(minor: int, currency: str) -> str:
    return f"{format_amount(minor, currency)} {currency}"


def _window(limit: Limit) -> str:
    return f"{limit.window}_{limit.period}"
