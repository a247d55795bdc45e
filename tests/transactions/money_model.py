"""The life of money, modelled a second time without a database: what must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MONEY_CODES = {
    "daily_budget_exceeded",
    "amount_limit_exceeded",
    "count_limit_exceeded",
    "shared_budget_exceeded",
}


@dataclass
class Asked:
    """A transaction that sets money aside; all amounts in minor units."""

    id: str
    agent: str
    merchant: str
    category: str
    amount: int
    status: str
    shared: set[str]
    is_authorized: bool = True
    captured: int = 0
    released: int = 0
    late: int = 0
    wrong: int = 0
    refunded: int = 0
    references: dict[str, int] = field(default_factory=dict)

    @property
    def outstanding(self) -> int:
        return self.amount - self.captured - self.released

    @property
    def counted(self) -> int:
        return self.amount - self.released

    @property
    def late_now(self) -> int:
        return self.late - self.wrong

    @property
    def late_within(self) -> int:
        """What was taken late of what had been set aside."""
        return min(self.late_now, self.amount - self.captured)

    @property
    def taken(self) -> int:
        return self.captured + self.late_now

    @property
    def figures(self) -> tuple[int, ...]:
        return (
            self.amount,
            self.captured,
            self.released,
            self.late,
            self.wrong,
            self.refunded,
        )

    def end(self, status: str) -> None:
        self.released += self.outstanding
        self.status = status


@dataclass
class Bound:
    """One limit, of all or `per` merchant or category: of each, or the one of `name`.

    `bases` are what was set aside of each when it was set, because it may be lower.
    """

    amount: int | None
    count: int | None = None
    per: str = ""
    name: str = ""
    bases: dict[str, int] = field(default_factory=dict)

    def place(self, asked: Asked) -> str | None:
        """Return where a transaction counts under it; None: nowhere."""
        names = {"merchant": asked.merchant.lower(), "category": asked.category}
        place = names.get(self.per, "")
        return place if self.name in ("", place) else None


@dataclass
class Shared(Bound):
    """A budget that a team's agents share, or (no team) all."""

    team: str | None = None
    zone: str = ""
    is_active: bool = True


@dataclass
class Model:
    """All agents, what they asked for, and what they may."""

    teams: dict[str, str | None] = field(default_factory=dict)
    bounds: dict[str, list[Bound]] = field(default_factory=dict)
    shared: dict[str, Shared] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)

    def applying(self, agent: str) -> set[str]:
        """Return the shared budgets that an agent's next request counts in."""
        return {
            key
            for key, budget in self.shared.items()
            if budget.is_active and budget.team in (None, self.teams[agent])
        }

    def objections(self, new: Asked, *, total: int) -> set[str]:
        """Return by which rules a transaction of so much in all asks for too much."""
        codes = set()
        for bound, others in self._concerned(new):
            is_shared = isinstance(bound, Shared)
            spent = sum(
                each.counted + (each.late_within if is_shared else each.late_now)
                for each in others
            )
            count = sum(each.counted > 0 for each in others)
            if bound.amount is not None and spent + total > bound.amount:
                codes.add("shared" if is_shared else "amount")
            if bound.count is not None and count + 1 > bound.count:
                codes.add("count")
        return codes

    def _concerned(self, new: Asked) -> Iterator[tuple[Bound, list[Asked]]]:
        others = [each for each in self.asked.values() if each.id != new.id]
        for bound in self.bounds[new.agent]:
            place = bound.place(new)
            if place is not None:
                mine = [each for each in others if each.agent == new.agent]
                yield bound, [each for each in mine if bound.place(each) == place]
        for key in filter(lambda key: self.shared[key].is_active, new.shared):
            yield self.shared[key], [each for each in others if key in each.shared]

    def held_now(self, bound: Bound, agent: str = "", key: str = "") -> dict[str, int]:
        """Return what is set aside or taken under a bound, what came late left out."""
        held: Counter[str] = Counter()
        for each in self.asked.values():
            place = bound.place(each)
            if place is not None and (
                key in each.shared if key else each.agent == agent
            ):
                held[place] += each.counted
        return held

    def excesses(self) -> Iterator[str]:
        """Yield every bound that is passed though nobody lowered it."""
        for agent, bounds in self.bounds.items():
            for bound in bounds:
                yield from _passed(bound, self.held_now(bound, agent=agent), agent)
        for key, budget in self.shared.items():
            if budget.is_active:
                yield from _passed(budget, self.held_now(budget, key=key), key)


def _passed(bound: Bound, held: dict[str, int], whose: str) -> Iterator[str]:
    for place, minor in held.items():
        base = bound.bases.get(place, 0)
        if bound.amount is not None and minor > max(bound.amount, base):
            yield f"{whose} {place}: {minor} of {bound}"


def money_codes(codes: Iterable[str]) -> set[str]:
    """Return the objections among reason codes as the model calls them."""
    short = {"shared_budget_exceeded": "shared", "count_limit_exceeded": "count"}
    return {short.get(code, "amount") for code in codes if code in MONEY_CODES}
