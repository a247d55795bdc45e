"""A draft policy tried on the real past: each request is decided again, in order.

Counters, merchants and limits follow from the draft's own outcomes, not from the real
ones. Standing, locks and clocks are as recorded.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from agents.policy.core.policy import PolicyRules
from transactions.budgets.core.pots import Pot, SharedLimit, pot_of, pots_of
from transactions.decisions.core.facts import (
    Facts,
    SharedSpent,
    SpendingRequest,
    Spent,
    Thresholds,
)
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.verdict import Verdict
from transactions.simulation.core.simulated_past import (
    Counters,
    Merchants,
    approval_expiry,
)
from transactions.spending.core.decision import decide

ALLOW, HOLD, DENY = Outcome.ALLOW, Outcome.HOLD, Outcome.DENY
EXAMPLES_MAX = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A later change of the money that counts for a request, in minor units.

    `count` is -1 if nothing counts any more. `total_minor` is the new total after an
    increment, otherwise 0. `above_minor` is the part that shared budgets do not count.
    """

    at: datetime
    amount_minor: int
    count: int = 0
    total_minor: int = 0
    above_minor: int = 0


@dataclass(frozen=True, slots=True)
class HoldEnd:
    """How a hold ended."""

    at: datetime
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRequest:
    """A past request, its outcome, and what happened to its money.

    `facts` is None if the request cannot be decided again; its outcome then remains.
    """

    transaction: str
    created_at: datetime
    occurred_at: datetime
    request: SpendingRequest
    outcome: Outcome
    facts: Facts | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    hold_end: HoldEnd | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A past request and the draft's verdict; None if it could not be decided again."""

    past: PastRequest
    verdict: Verdict | None

    @property
    def is_flip(self) -> bool:
        return self.verdict is not None and self.verdict.outcome != self.past.outcome


@dataclass(frozen=True, slots=True)
class Total:
    """The number and sum of the requests that went from one outcome to another."""

    before: Outcome
    after: Outcome
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a simulation: totals, and the newest flips as examples."""

    totals: tuple[Total, ...]
    examples: tuple[SimulatedRequest, ...]
    unjudged: int

    @property
    def judged(self) -> int:
        return sum(total.count for total in self.totals)

    @property
    def flipped(self) -> int:
        return sum(each.count for each in self.totals if each.before != each.after)


def simulate(
    pasts: Iterable[PastRequest],
    draft: PolicyRules,
    *,
    earlier: Iterable[PastRequest] = (),
    shared: Iterable[SharedLimit] = (),
) -> Iterator[SimulatedRequest]:
    """Decide requests again under a draft, in the given order: that of the past.

    Requests in `earlier` only count, with their recorded outcomes. If a past hold is
    held again, it ends as it did. A new hold has no known answer: it waits until the
    draft's expiry, and its money stays set aside. If people refused a request that the
    draft allows, its money stays spent.
    """
    history = _History(draft, {budget.id: budget for budget in shared})
    for past in earlier:
        history.add(past, past.outcome)
    for past in pasts:
        history.advance(past.created_at)
        verdict = None
        if past.facts is not None:
            facts = history.facts(past, past.facts)
            verdict = decide(facts, draft, past.thresholds)
        outcome = past.outcome if verdict is None else verdict.outcome
        history.count(past, outcome)
        history.add(past, outcome)
        yield SimulatedRequest(past, verdict)


def summarise(judged: Iterable[SimulatedRequest]) -> Summary:
    """Return the summary of what simulate() yields, in constant memory."""
    counts: Counter[tuple[Outcome, Outcome, str]] = Counter()
    sums: Counter[tuple[Outcome, Outcome, str]] = Counter()
    flips: deque[SimulatedRequest] = deque(maxlen=EXAMPLES_MAX)
    unjudged = 0
    for each in judged:
        if each.verdict is None:
            unjudged += 1
            continue
        request = each.past.request
        key = each.past.outcome, each.verdict.outcome, request.currency
        counts[key] += 1
        sums[key] += request.amount_minor
        if each.is_flip:
            flips.append(each)
    totals = tuple(Total(*key, counts[key], sums[key]) for key in sorted(counts))
    return Summary(totals, tuple(reversed(flips)), unjudged)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event after the decision on a request."""

    past: PastRequest
    amount_minor: int = 0
    count: int = 0
    hold_end: HoldEnd | None = None
    total_minor: int = 0
    above_minor: int = 0
    is_simulated: bool = True
    is_recorded: bool = True


class _History:
    """The state of counters, merchants and limits after the draft's outcomes so far."""

    def __init__(self, draft: PolicyRules, shared: Mapping[str, SharedLimit]) -> None:
        self._draft = draft
        self._shared = shared
        self._spending = _Spending()
        # By how much shared budgets are fuller under the draft than they really were.
        self._more: Counter[tuple[str, datetime]] = Counter()
        self._counters = Counters(draft)
        self._merchants = Merchants()
        self._events: list[tuple[datetime, int, _Event]] = []
        self._order = count()

    def advance(self, now: datetime) -> None:
        """Apply all events up to an instant."""
        while self._events and self._events[0][0] <= now:
            at, _, event = heappop(self._events)
            if event.hold_end is not None:
                self._counters.answer(
                    event.past.request, is_approved=event.hold_end.is_approved
                )
                if event.hold_end.is_approved:
                    self._merchants.approve(event.past.request)
            else:
                self._move(event)
            if event.total_minor and event.is_simulated:
                self._increase(event, at)

    def _increase(self, event: _Event, at: datetime) -> None:
        past = event.past
        is_live = past.occurred_at == past.created_at
        self._counters.increase(
            past.transaction,
            past.request,
            before_minor=event.total_minor - event.amount_minor,
            total_minor=event.total_minor,
            now=at if is_live else past.occurred_at,
            thresholds=past.thresholds,
        )

    def facts(self, past: PastRequest, recorded: Facts) -> Facts:
        """Return the facts as they would be if the draft had been in force."""
        spent = (
            Spent(pot.scope, pot.window, *self._spending.of(pot))
            for pot in self._pots(past)
        )
        return replace(
            recorded,
            activity=self._counters.known(recorded.activity, past.occurred_at),
            merchant=self._merchants.known(past.request, recorded.merchant),
            spent=tuple(spent),
            shared=tuple(self._with_more(each, past) for each in recorded.shared),
        )

    def count(self, past: PastRequest, outcome: Outcome) -> None:
        """Count a request in the counters of the agent and of the merchant."""
        self._counters.count(
            past.transaction,
            past.request,
            outcome,
            past.occurred_at,
            past.thresholds,
        )
        self._merchants.count(past.request, outcome, past.occurred_at)

    def add(self, past: PastRequest, outcome: Outcome) -> None:
        """Set a request's money aside, and schedule its later events."""
        reserves, reserved = outcome is not DENY, past.outcome is not DENY
        amount_minor = past.request.amount_minor
        self._move(
            _Event(
                past,
                amount_minor,
                1,
                is_simulated=reserves,
                is_recorded=reserved,
            )
        )
        follows = reserves and _follows(past, outcome)
        if follows or reserved:
            for step in past.steps:
                event = _Event(
                    past,
                    step.amount_minor,
                    step.count,
                    total_minor=step.total_minor,
                    above_minor=step.above_minor,
                    is_simulated=follows,
                    is_recorded=reserved,
                )
                self._later(step.at, event)
        if outcome is HOLD:
            if past.outcome is HOLD:
                hold_end = past.hold_end
            else:
                hold_end = HoldEnd(
                    approval_expiry(past.created_at, self._draft), is_approved=False
                )
            if hold_end is not None:
                self._later(hold_end.at, _Event(past, hold_end=hold_end))

    def _later(self, at: datetime, event: _Event) -> None:
        heappush(self._events, (at, next(self._order), event))

    def _move(self, event: _Event) -> None:
        if event.is_simulated and event.past.request.currency == self._draft.currency:
            for pot in self._pots(event.past):
                self._spending.move(pot, event.amount_minor, event.count)
        shared_minor = event.amount_minor - event.above_minor
        more = shared_minor * (event.is_simulated - event.is_recorded)
        if more and event.past.facts is not None:
            for each in event.past.facts.shared:
                if each.id in self._shared:
                    self._more[self._span(each, event.past)] += more

    def _pots(self, past: PastRequest) -> tuple[Pot, ...]:
        return pots_of(
            self._draft,
            agent_id="",
            merchant=past.request.merchant_key,
            category=past.request.category,
            now=past.occurred_at,
        )

    def _with_more(self, spent: SharedSpent, past: PastRequest) -> SharedSpent:
        if spent.id not in self._shared:
            return spent
        more = self._more[self._span(spent, past)]
        return replace(spent, used_minor=spent.used_minor + more)

    def _span(self, spent: SharedSpent, past: PastRequest) -> tuple[str, datetime]:
        return spent.id, pot_of(self._shared[spent.id], past.occurred_at).starts_at


def _follows(past: PastRequest, outcome: Outcome) -> bool:
    """Return whether the request's later money events also happen under the draft."""
    if past.outcome is HOLD and outcome is ALLOW:
        return past.hold_end is not None and past.hold_end.is_approved
    return past.outcome == outcome


class _Spending:
    """What counts in each pot, by the start of its budgets."""

    def __init__(self) -> None:
        self._starts: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._used: Counter[tuple[str, str, datetime]] = Counter()
        self._count: Counter[tuple[str, str, datetime]] = Counter()

    def move(self, pot: Pot, amount_minor: int, count: int) -> None:
        key = pot.scope, pot.window, pot.starts_at
        if key not in self._used:
            insort(self._starts[key[:2]], pot.starts_at)
        self._used[key] += amount_minor
        self._count[key] += count

    def of(self, pot: Pot) -> tuple[int, int]:
        """Return amount (minor units) and count of a pot."""
        name = pot.scope, pot.window
        starts = [pot.since]
        if pot.step is not None:
            known = self._starts[name]
            starts = known[bisect_left(known, pot.since) :]
        keys = [(*name, start) for start in starts]
        return sum(self._used[key] for key in keys), sum(self._count[k] for k in keys)
