"""Budgets: what already counts against the limits that apply to a request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import capfirst

from accounts.models import User
from agents.models import Agent
from agents.policy.core.limits import BEGINNING, Limit, spoken_limit
from agents.policy.core.policy import PolicyRules
from agents.queries import policy_rules
from transactions.budgets.core.pots import (
    Pot,
    fullest,
    key_of,
    limits_concerning,
    pot_of,
    pots_of,
)
from transactions.budgets.models import Budget, SharedBudget
from transactions.budgets.queries.locking import LockedBudget
from transactions.decisions.core.facts import SharedSpent, Spent
from transactions.spending.models import Transaction

# SQL: one object per budget of the pots, with the pot's place in the list.
COUNTED = """
    SELECT jsonb_agg(to_jsonb(b) || jsonb_build_object('place', p.place))
    FROM unnest(%(holders)s::text[], %(scopes)s::text[], %(windows)s::text[],
                %(since)s::timestamptz[], %(until)s::timestamptz[]) WITH ORDINALITY
         AS p(holder, scope, kind, since, until, place)
    JOIN transactions_budget b
      ON b.holder = p.holder AND b.currency = %(currency)s AND b.scope = p.scope
     AND b."window" = p.kind AND b.starts_at >= p.since
     AND (b.starts_at = p.since OR starts_with(p.kind, 'rolling'))
     AND (p.until IS NULL OR b.starts_at < p.until)
"""

# In the order of Figures' fields; see Reservation.above_minor.
_FIGURES = """
    coalesce(sum(r.amount_minor - r.captured_minor - r.released_minor), 0)::bigint,
    coalesce(sum(r.captured_minor), 0)::bigint,
    coalesce(sum(r.late_minor - r.reversed_minor), 0)::bigint,
    coalesce(sum(greatest(r.captured_minor + r.late_minor - r.reversed_minor
                          - r.amount_minor, 0)), 0)::bigint,
    count(*) FILTER (WHERE r.released_minor < r.amount_minor)
"""
# An agent's spending in a span, per step of a rolling one. Released money does not
# count, and a late capture does not count as another transaction. `created_since` lets
# an index skip older rows; only for test agents may occurred_at differ from created_at.
_HISTORY = f"""
SELECT CASE WHEN %(step)s::interval IS NULL THEN %(since)s
            ELSE date_bin(%(step)s, t.occurred_at, %(beginning)s) END,
       {_FIGURES}
FROM transactions_transaction t
JOIN transactions_reservation r ON r.transaction_id = t.id
WHERE t.agent_id = %(agent)s AND t.currency = %(currency)s
  AND t.occurred_at >= %(since)s AND t.created_at >= %(created_since)s
  AND (%(until)s::timestamptz IS NULL OR t.occurred_at < %(until)s)
  AND %(scope)s IN ('agent', 'merchant:' || t.merchant_key, 'category:' || t.category)
GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants only.


# What counts in a shared budget in a span. A reservation lists only shared budgets of
# its own currency. They are for live agents, whose clock is the database's, so the
# indexed created_at serves. The all-time query needs no transactions.
_SHARED_FIGURES = f"SELECT {_FIGURES} FROM transactions_reservation r"  # noqa: S608
_SHARED_ALL_TIME = f"{_SHARED_FIGURES} WHERE %(budget)s = ANY(r.shared_budgets)"
_SHARED_HISTORY = f"""{_SHARED_FIGURES}
JOIN transactions_transaction t ON t.id = r.transaction_id
WHERE %(budget)s = ANY(r.shared_budgets)
  AND t.created_at >= %(since)s AND t.created_at < %(until)s
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What counts in one budget; fields are named like its columns."""

    reserved_minor: int = 0
    posted_minor: int = 0
    late_minor: int = 0
    late_above_minor: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class CountedPot:
    """A pot with its budgets, read while its holder is locked.

    `is_recounted`: the budgets were counted again from history, because they were last
    counted under another policy version, which may not have had this limit.
    """

    pot: Pot
    budgets: Sequence[Budget]
    is_recounted: bool = False

    @property
    def used_minor(self) -> int:
        return fullest(
            self.pot,
            [
                (each.starts_at, used_minor(each, is_shared=self.pot.is_shared))
                for each in self.budgets
            ],
        )

    @property
    def count(self) -> int:
        return fullest(
            self.pot, [(each.starts_at, each.count) for each in self.budgets]
        )

    def current(self, currency: str) -> Budget:
        """Return the budget in which present spending counts; unsaved if missing."""
        for budget in self.budgets:
            if budget.starts_at == self.pot.starts_at:
                return budget
        return _budget(self.pot, self.pot.starts_at, currency)


def used_minor(budget: Budget, *, is_shared: bool) -> int:
    """Return the amount used of a budget; see Budget on late captures."""
    all_minor = budget.reserved_minor + budget.posted_minor + budget.late_minor
    return all_minor - budget.late_above_minor if is_shared else all_minor


def counted_parameters(pots: Sequence[Pot]) -> dict[str, Any]:
    """Return the parameters of COUNTED, except the currency."""
    return {
        "holders": [pot.holder for pot in pots],
        "scopes": [pot.scope for pot in pots],
        "windows": [pot.window for pot in pots],
        "since": [pot.since for pot in pots],
        "until": [pot.until for pot in pots],
    }


def counted(
    pots: Sequence[Pot],
    stored: str | None,
    *,
    currency: str,
    policy: PolicyRules | None,
    mode: str,
    is_past: bool,
) -> tuple[CountedPot, ...]:
    """Return what counts in each pot, from the result of COUNTED.

    Usually runs no query. It runs one for each of the agent's own pots that was not yet
    counted under the present policy (when a policy or a period is new); for each past
    rolling pot, because the present policy may have counted only a part of it; and for
    each past shared pot that was counted in another time zone.
    """
    by_place: defaultdict[int, list[Budget]] = defaultdict(list)
    for row in json.loads(stored or "[]"):
        by_place[row.pop("place") - 1].append(_stored(row))
    found = []
    for place, pot in enumerate(pots):
        budgets = by_place[place]
        if pot.is_shared:
            found.append(_shared(pot, budgets, currency, is_past=is_past))
        elif _is_counted(pot, budgets, policy):
            found.append(CountedPot(pot, budgets))
        else:
            found.append(_recounted(pot, budgets, currency, mode))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Level:
    """The use of a limit that applies to a transaction: minor units or a count."""

    label: str
    limit: int
    used: int
    currency: str  # Empty for a count of transactions.


def levels_of(row: Transaction) -> Sequence[Level]:
    """Return every limit in which a transaction counts, and how much of it is used.

    First those of the policy in force, then shared budgets. At most 2 queries, and one
    more for each limit that is rolling or not yet counted under this policy.
    """
    version = row.agent.policy_version
    policy = policy_rules(version.pk) if version else None
    where = {"merchant": row.merchant_key, "category": row.category}
    own = pots_of(
        policy, agent_id=row.agent_id, now=row.occurred_at, is_past=True, **where
    )
    reservation = getattr(row, "reservation", None)
    ids = reservation.shared_budgets if reservation else []
    budgets = SharedBudget.objects.select_related("team").filter(
        pk__in=ids, is_active=True
    )
    shared = [(budget, pot_of(budget, row.occurred_at)) for budget in budgets]
    pots = [*own, *(pot for _, pot in shared)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ({COUNTED})",
            counted_parameters(pots) | {"currency": row.currency},
        )
        [stored] = cursor.fetchone()
    found = counted(
        pots,
        stored,
        currency=row.currency,
        policy=policy,
        mode=row.agent.mode,
        is_past=True,
    )
    by_key = {item.pot.key: item for item in found[: len(own)]}
    levels = [
        level
        for limit in limits_concerning(policy, **where)
        for level in _levels(limit, by_key[key_of(limit, **where)], row.currency)
    ]
    for (budget, _), item in zip(shared, found[len(own) :], strict=True):
        levels.append(
            Level(str(budget), budget.limit_minor, item.used_minor, row.currency)
        )
    return levels


def shared_history(pot: Pot) -> Figures:
    """Return what counts in a shared budget in its span.

    Reads only reservations that list this budget; see services.shared_counting.
    """
    history = _SHARED_ALL_TIME if pot.ends_at is None else _SHARED_HISTORY
    parameters: dict[str, Any] = {
        "budget": pot.holder,
        "since": pot.since,
        "until": pot.until,
    }
    with connection.cursor() as cursor:
        cursor.execute(history, parameters)
        return Figures(*cursor.fetchone())


def shared_budgets_for(user: User) -> QuerySet[SharedBudget]:
    """Return the shared budgets that a person may see.

    All if the person may change them, else those of their team and the organisation.
    """
    budgets = SharedBudget.objects.select_related("team")
    if user.has_perm("transactions.change_sharedbudget"):
        return budgets
    return budgets.filter(Q(team=None) | Q(team_id=user.team_id))


def budgets_of_team(team_id: str | None) -> QuerySet[SharedBudget]:
    """Return a team's active budgets, without the organisation's; none if no team."""
    budgets = SharedBudget.objects.select_related("team").filter(is_active=True)
    return budgets.filter(team_id=team_id) if team_id else budgets.none()


def shared_levels(
    budgets: Iterable[SharedBudget],
) -> Sequence[tuple[SharedBudget, Budget]]:
    """Return shared budgets, each with the Budget of its present period. 1 query.

    The Budget is an unsaved one if nothing was counted yet.
    """
    shown, now = list(budgets), timezone.now()
    starts = {budget.pk: pot_of(budget, now).starts_at for budget in shown}
    rows = Budget.objects.filter(holder__in=starts, starts_at__in=set(starts.values()))
    found = {row.holder: row for row in rows if row.starts_at == starts[row.holder]}
    return [(budget, found.get(budget.pk, Budget())) for budget in shown]


def _levels(limit: Limit, item: CountedPot, currency: str) -> Iterator[Level]:
    label = capfirst(spoken_limit(limit))
    if limit.amount_minor is not None:
        yield Level(label, limit.amount_minor, item.used_minor, currency)
    if limit.count is not None:
        yield Level(label, limit.count, item.count, "")


def spent_of(counted: Iterable[CountedPot], *, own_minor: int = 0) -> tuple[Spent, ...]:
    """Return the facts of the agent's own pots, minus the transaction's own money."""
    return tuple(
        Spent(
            scope=item.pot.scope,
            window=item.pot.window,
            used_minor=item.used_minor - own_minor,
            count=item.count - bool(own_minor),
        )
        for item in counted
        if not item.pot.is_shared
    )


def shared_spent_of(
    counted: Iterable[CountedPot],
    locked: Iterable[LockedBudget],
    *,
    own_minor: int = 0,
) -> tuple[SharedSpent, ...]:
    """Return the facts of shared budgets, minus the transaction's own money."""
    used = {item.pot.holder: item.used_minor for item in counted if item.pot.is_shared}
    return tuple(
        SharedSpent(
            id=budget.id,
            name=budget.name,
            limit_minor=budget.limit_minor,
            used_minor=used[budget.id] - own_minor,
        )
        for budget in locked
    )


def _is_counted(
    pot: Pot, budgets: Iterable[Budget], policy: PolicyRules | None
) -> bool:
    """Return whether everything in a pot was counted under a policy.

    A policy's first decision counts all steps within its reach, and later decisions go
    on from there: one step counted under it proves all. A past rolling pot may have
    steps before that reach, so it never passes.
    """
    if policy is None or pot.is_many:
        return False
    return any(budget.counted_under == policy.id for budget in budgets)


def _shared(
    pot: Pot, budgets: Sequence[Budget], currency: str, *, is_past: bool
) -> CountedPot:
    if budgets or not is_past:
        return CountedPot(pot, budgets)
    budget = _budget(pot, pot.starts_at, currency)
    _set_figures(budget, shared_history(pot))
    return CountedPot(pot, [budget])


def _recounted(
    pot: Pot, budgets: Sequence[Budget], currency: str, mode: str
) -> CountedPot:
    parameters: dict[str, Any] = {
        "agent": pot.holder,
        "currency": currency,
        "scope": pot.scope,
        "since": pot.since,
        "created_since": pot.since if mode == Agent.Mode.LIVE else BEGINNING,
        "until": pot.until,
        "step": pot.step,
        "beginning": BEGINNING,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, parameters)
        history = cursor.fetchall()
    ids = {budget.starts_at: budget.id for budget in budgets}
    # Keep the id of a row in which nothing counts; otherwise it would be created twice.
    counts = dict.fromkeys(ids, Figures())
    counts |= {starts_at: Figures(*figures) for starts_at, *figures in history}
    found = []
    for starts_at, figures in counts.items():
        budget = _budget(pot, starts_at, currency)
        budget.id = ids.get(starts_at, budget.id)
        _set_figures(budget, figures)
        found.append(budget)
    return CountedPot(pot, found, is_recounted=True)


def _budget(pot: Pot, starts_at: datetime, currency: str) -> Budget:
    ends_at = starts_at + pot.step if pot.step else pot.ends_at
    return Budget(
        holder=pot.holder,
        currency=currency,
        scope=pot.scope,
        window=pot.window,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _set_figures(budget: Budget, figures: Figures) -> None:
    for name, figure in asdict(figures).items():
        setattr(budget, name, figure)


def _stored(row: dict[str, Any]) -> Budget:
    for name in ("starts_at", "ends_at"):
        row[name] = row[name] and datetime.fromisoformat(row[name])
    return Budget(**row)
