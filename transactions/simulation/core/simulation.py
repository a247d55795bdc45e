"""A draft policy against the real past: each request decided again, in its order.

What a decision knows of the past (counters, merchants, limits) is what the draft's own
outcomes made of it, not what really came. Standing, locks and clocks are as recorded.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from agents.core.policy import PolicyRules
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
    """What later changed of the money that counts for a request, in minor units.

    `count` is -1 where nothing of it was left. `total_minor` is what an increment
    raised the request to, 0 for anything else. `above_minor` is the part that shared
    budgets do not count.
    """

    at: datetime
    amount_minor: int
    count: int = 0
    total_minor: int = 0
    above_minor: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """How a hold ended."""

    at: datetime
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A request of the past, its outcome, and what became of its money.

    `facts` are None where they cannot be judged anew: then its outcome stands.
    """

    transaction: str
    created_at: datetime
    occurred_at: datetime
    request: SpendingRequest
    outcome: Outcome
    facts: Facts | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    word: Word | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A request of the past and the draft's verdict, None if it could not be judged."""

    past: Past
    verdict: Verdict | None

    @property
    def is_flip(self) -> bool:
        return self.verdict is not None and self.verdict.outcome != self.past.outcome


@dataclass(frozen=True, slots=True)
class Total:
    """How many requests went from one outcome to another, and their sum."""

    before: Outcome
    after: Outcome
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a draft would have done: in numbers, with the newest flips as examples."""

    totals: tuple[Total, ...]
    examples: tuple[Judged, ...]
    unjudged: int

    @property
    def judged(self) -> int:
        return sum(total.count for total in self.totals)

    @property
    def flipped(self) -> int:
        return sum(each.count for each in self.totals if each.before != each.after)


def simulate(
    pasts: Iterable[Past],
    draft: PolicyRules,
    *,
    earlier: Iterable[Past] = (),
    shared: Iterable[SharedLimit] = (),
) -> Iterator[Judged]:
    """Decide requests again under a draft, in the order given: that of the past.

    `earlier` only counts, with the outcomes that it had. A hold of the past is answered
    as people answered it. Of a new hold nobody knows: it waits until the draft's time
    is up, and its money stays set aside. What people refused, and the draft allows,
    stays spent.
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
        yield Judged(past, verdict)


def summarise(judged: Iterable[Judged]) -> Summary:
    """Count what simulate() yields; memory stays the same for any number."""
    counts: Counter[tuple[Outcome, Outcome, str]] = Counter()
    sums: Counter[tuple[Outcome, Outcome, str]] = Counter()
    flips: deque[Judged] = deque(maxlen=EXAMPLES_MAX)
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
    """Something that happens to a request after it was decided."""

    past: Past
    amount_minor: int = 0
    count: int = 0
    word: Word | None = None
    total_minor: int = 0
    above_minor: int = 0
    is_simulated: bool = True
    is_recorded: bool = True


class _History:
    """What the draft's own outcomes, one after the other, have made of the past."""

    def __init__(self, draft: PolicyRules, shared: Mapping[str, SharedLimit]) -> None:
        self._draft = draft
        self._shared = shared
        self._spending = _Spending()
        # What the draft's past has more in shared budgets than the real one.
        self._more: Counter[tuple[str, datetime]] = Counter()
        self._counters = Counters(draft)
        self._merchants = Merchants()
        self._events: list[tuple[datetime, int, _Event]] = []
        self._order = count()

    def advance(self, now: datetime) -> None:
        """Let everything happen that happened up to an instant."""
        while self._events and self._events[0][0] <= now:
            at, _, event = heappop(self._events)
            if event.word is not None:
                self._counters.answer(
                    event.past.request, is_approved=event.word.is_approved
                )
                if event.word.is_approved:
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

    def facts(self, past: Past, recorded: Facts) -> Facts:
        """Return what the decision would have known, had the draft been in force."""
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

    def count(self, past: Past, outcome: Outcome) -> None:
        """Count a request among the agent's and the merchant's."""
        self._counters.count(
            past.transaction,
            past.request,
            outcome,
            past.occurred_at,
            past.thresholds,
        )
        self._merchants.count(past.request, outcome, past.occurred_at)

    def add(self, past: Past, outcome: Outcome) -> None:
        """Set a request's money aside and let follow what followed."""
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
                word = past.word
            else:
                word = Word(
                    approval_expiry(past.created_at, self._draft), is_approved=False
                )
            if word is not None:
                self._later(word.at, _Event(past, word=word))

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

    def _pots(self, past: Past) -> tuple[Pot, ...]:
        return pots_of(
            self._draft,
            agent_id="",
            merchant=past.request.merchant_key,
            category=past.request.category,
            now=past.occurred_at,
        )

    def _with_more(self, spent: SharedSpent, past: Past) -> SharedSpent:
        if spent.id not in self._shared:
            return spent
        more = self._more[self._span(spent, past)]
        return replace(spent, used_minor=spent.used_minor + more)

    def _span(self, spent: SharedSpent, past: Past) -> tuple[str, datetime]:
        return spent.id, pot_of(self._shared[spent.id], past.occurred_at).starts_at


def _follows(past: Past, outcome: Outcome) -> bool:
    """Tell whether what became of a request's money would have become of it, too."""
    if past.outcome is HOLD and outcome is ALLOW:
        return past.word is not None and past.word.is_approved
    return past.outcome == outcome


class _Spending:
    """What counts in each pot, by the instants at which its budgets begin."""

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
