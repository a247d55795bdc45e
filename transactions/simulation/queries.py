"""An agent's past requests for simulations, read in batches and in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Max, Prefetch, Q, QuerySet
from django.utils import timezone

from agents.models import Agent
from agents.policy.core.limits import BEGINNING, Period
from agents.policy.core.policy import PolicyRules, compile_rules
from audit.base.core.codec import from_json
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.core.ledger import above_minor
from transactions.budgets.models import LedgerEntry, SharedBudget
from transactions.decisions.core.facts import Facts, Thresholds
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.record import LOOKS_BY_ENGINE
from transactions.decisions.models import Decision
from transactions.simulation.core.simulation import (
    HoldEnd,
    PastRequest,
    SimulatedRequest,
    Step,
    Summary,
    simulate,
    summarise,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.requests import request_of

BATCH = 500
# At most so many requests before the window (the newest) count in its limits.
EARLIER_MAX = 10_000
# Ledger entries that later change the money that counts for a request.
_SIGNS = {"increment": 1, "release": -1, "late_capture": 1, "reversal": -1}
_TAKEN_SIGNS = {"capture": 1, "late_capture": 1, "reversal": -1}
# Upper bounds for how far a period reaches back from any instant in it.
_REACH = {
    Period.HOUR: timedelta(hours=2),
    Period.DAY: timedelta(days=2),
    Period.WEEK: timedelta(days=8),
    Period.MONTH: timedelta(days=32),
}

TRIAL_DAYS, TRIAL_REQUESTS_MAX = 30, 500


@dataclass(frozen=True, slots=True)
class PastWindow:
    """The requests to decide again, and the earlier ones that count in their limits.

    `is_cut`: there were more requests, in the window or before it, than are read.
    """

    since: datetime
    pasts: Iterator[PastRequest]
    earlier: Sequence[PastRequest]
    shared: Sequence[SharedBudget]
    is_cut: bool


def past_window(
    agent: Agent, draft: PolicyRules, *, days: int, requests_max: int
) -> PastWindow:
    """Return the newest requests of an agent's last days, at most `requests_max`.

    By the agent's own clock, which for a test agent ends with its last request. 4
    queries, and 3 per BATCH while `pasts` is read.
    """
    requests = Transaction.objects.filter(agent=agent)
    since = _now_of(agent, requests) - timedelta(days=days)
    newest = requests.order_by("-created_at", "-pk")
    within = newest.filter(occurred_at__gte=since)
    if agent.mode == Agent.Mode.LIVE:  # The same clock, and an index covers it.
        within = within.filter(created_at__gte=since)
    places = within.values_list("created_at", "occurred_at")
    beyond = list(places[requests_max : requests_max + 1])
    first = places[requests_max - 1 : requests_max] if beyond else places.reverse()[:1]
    start = next(iter(first), None)
    if start is None:
        return PastWindow(since, iter(()), (), (), is_cut=False)
    earlier = _earlier(newest, draft, *start)
    return PastWindow(
        since=start[1] if beyond else since,
        pasts=_in_order(requests.filter(created_at__gte=start[0])),
        earlier=earlier[:EARLIER_MAX],
        shared=list(SharedBudget.objects.all()),
        is_cut=bool(beyond) or len(earlier) > EARLIER_MAX,
    )


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The result of a simulation of an agent's requests since an instant.

    `is_cut`: there were more requests than the simulation read.
    """

    agent: Agent
    days: int
    since: datetime
    is_cut: bool
    summary: Summary


def simulated_under(
    agent: Agent, draft: PolicyRules, *, days: int, requests_max: int
) -> SimulationResult:
    """Try a draft policy on past_window(); same queries."""
    window = past_window(agent, draft, days=days, requests_max=requests_max)
    summary = summarise(_simulate_window(window, draft))
    return SimulationResult(agent, days, window.since, window.is_cut, summary)


@dataclass(frozen=True, slots=True)
class MerchantTrial:
    """The outcomes of a merchant's last requests if the merchant had been allowed.

    `is_allowed`: the policy in force allows it already, so that policy was tried.
    """

    is_allowed: bool
    is_cut: bool
    summary: Summary
    days: int = TRIAL_DAYS
    looked_at: int = TRIAL_REQUESTS_MAX

    @property
    def gained(self) -> tuple[int, int]:
        """Number and sum of the requests that would be allowed and were not."""
        found = [
            total
            for total in self.summary.totals
            if total.after is Outcome.ALLOW and total.before is not Outcome.ALLOW
        ]
        return sum(each.count for each in found), sum(e.amount_minor for e in found)


def merchant_trial(row: Transaction) -> MerchantTrial | None:
    """Try the policy in force with a transaction's merchant allowed; None if no policy.

    Reads the last TRIAL_DAYS and at most TRIAL_REQUESTS_MAX requests, because a page
    waits for it.
    """
    version = row.agent.policy_version
    if version is None:
        return None
    terms = version.terms
    rules = compile_rules(terms, version_id=version.pk, number=version.number)
    allowed = rules.merchant_keys
    is_allowed = allowed is None or row.merchant_key in allowed
    if not is_allowed:
        names = (*(terms.allowed_merchants or ()), row.merchant)
        terms = replace(terms, allowed_merchants=names)
        rules = compile_rules(terms, version_id=version.pk, number=version.number)
    window = past_window(
        row.agent, rules, days=TRIAL_DAYS, requests_max=TRIAL_REQUESTS_MAX
    )
    here = (
        each
        for each in _simulate_window(window, rules)
        if each.past.request.merchant_key == row.merchant_key
    )
    return MerchantTrial(is_allowed, window.is_cut, summarise(here))


def _simulate_window(
    window: PastWindow, draft: PolicyRules
) -> Iterator[SimulatedRequest]:
    return simulate(window.pasts, draft, earlier=window.earlier, shared=window.shared)


def _now_of(agent: Agent, requests: QuerySet[Transaction]) -> datetime:
    if agent.mode == Agent.Mode.LIVE:
        return timezone.now()
    last: datetime | None = requests.aggregate(last=Max("occurred_at"))["last"]
    return last or timezone.now()


def _earlier(
    newest: QuerySet[Transaction],
    draft: PolicyRules,
    created_at: datetime,
    occurred_at: datetime,
) -> list[PastRequest]:
    """Return earlier requests that still count in limits, or still waited."""
    waited = Q(approval__resolved_at__gte=created_at) | Q(approval__status="waiting")
    counts = Q()
    if draft.all_limits:
        reach = max(
            (occurred_at - BEGINNING)
            if limit.period is Period.ALL_TIME
            else _REACH[limit.period]
            for limit in draft.all_limits
        )
        counts = Q(reservation__isnull=False, occurred_at__gte=occurred_at - reach)
    rows = _with_money(newest.filter(waited | counts, created_at__lt=created_at))
    return [_past(row, None) for row in rows[: EARLIER_MAX + 1]]


def _in_order(requests: QuerySet[Transaction]) -> Iterator[PastRequest]:
    """Yield requests in the order in which they were decided."""
    rows = _with_money(requests.order_by("created_at", "pk")).select_related("decision")
    batch = list(rows[:BATCH])
    while batch:
        for row in batch:
            yield _past(row, row.decision)
        last = batch[-1]
        after = Q(created_at=last.created_at, pk__gt=last.pk)
        batch = list(rows.filter(after | Q(created_at__gt=last.created_at))[:BATCH])


def _with_money(requests: QuerySet[Transaction]) -> QuerySet[Transaction]:
    moved = LedgerEntry.objects.order_by("pk")
    return requests.select_related("approval", "decision").prefetch_related(
        Prefetch("ledger_entries", moved)
    )


def _past(row: Transaction, decision: Decision | None) -> PastRequest:
    facts, thresholds = (None, None) if decision is None else _inputs(decision)
    return PastRequest(
        transaction=row.pk,
        created_at=row.created_at,
        occurred_at=row.occurred_at,
        request=request_of(row),
        outcome=Outcome(row.decision.outcome),
        facts=facts,
        thresholds=thresholds or Thresholds(),
        hold_end=_hold_end(row),
        steps=tuple(_steps(row)),
    )


def _inputs(decision: Decision) -> tuple[Facts | None, Thresholds | None]:
    """Return the recorded inputs; None if unreadable or of an unknown engine."""
    if decision.engine_version not in LOOKS_BY_ENGINE:
        return None, None
    try:
        inputs = decision.inputs
        facts = from_json(Facts, inputs["facts"])
        return facts, from_json(Thresholds, inputs["thresholds"])
    except (KeyError, TypeError, ValueError):
        return None, None


def _hold_end(row: Transaction) -> HoldEnd | None:
    approval: ApprovalRequest | None = getattr(row, "approval", None)
    if approval is None or approval.resolved_at is None:
        return None
    is_approved = approval.status == ApprovalRequest.Status.APPROVED
    return HoldEnd(approval.resolved_at, is_approved)


def _steps(row: Transaction) -> Iterator[Step]:
    reserved, released, taken, above = row.amount_minor, 0, 0, 0
    for entry in row.ledger_entries.all():
        taken += _TAKEN_SIGNS.get(entry.kind, 0) * entry.amount_minor
        if entry.kind not in _SIGNS:
            continue
        reserved += entry.amount_minor if entry.kind == "increment" else 0
        released += entry.amount_minor if entry.kind == "release" else 0
        is_gone = entry.kind == "release" and released == reserved
        amount_minor = _SIGNS[entry.kind] * entry.amount_minor
        above_before = above
        above = above_minor(set_aside_minor=reserved, taken_minor=taken)
        yield Step(
            entry.created_at,
            amount_minor,
            count=-1 if is_gone else 0,
            total_minor=reserved if entry.kind == "increment" else 0,
            above_minor=above - above_before,
        )
