"""How many people, and of which role, lift a hold: by amount, in ordered levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.core.roles import ADMIN, MANAGER
from agents.core.money import MoneyError, format_amount, parse_amount
from agents.policy.core.reader import Reader, pointer_to
from audit.base.core.vocabulary import Unlisted, Vocabulary

# From the least to the highest of those who may approve at all.
ROLES = (MANAGER, ADMIN)
LEVELS_MAX = 10
APPROVALS_MAX = 5
MINUTES_MIN = 5
MINUTES_MAX = 10_080  # A week.
DEFAULT_MINUTES = 1_440
FIELDS = ("above", "approvals", "role")
_FIELD_WORDS, _ROLE_WORDS = Vocabulary(FIELDS), Vocabulary(ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLevel:
    """What an amount above `above_minor` takes: so many people of at least a role."""

    above_minor: int
    approvals: int
    role: str


# One person who may approve at all: what holds below the first level, or without any.
BASE = ApprovalLevel(above_minor=0, approvals=1, role=MANAGER)


def level_of(amount_minor: int, levels: Sequence[ApprovalLevel]) -> ApprovalLevel:
    """Return the highest level that an amount is above; BASE below the first one.

    Whatever the hold's reason: risk or doubt never need fewer people than the amount.
    """
    reached = [level for level in levels if amount_minor > level.above_minor]
    return reached[-1] if reached else BASE


def has_role(role: str, least: str) -> bool:
    """Return whether a role is at least another; one that never approves is not."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(least)


def next_role(role: str) -> str | None:
    """Return the role that a hold goes to when nobody of this one decides."""
    following = ROLES[ROLES.index(role) + 1 :]
    return following[0] if following else None


def is_weaker(one: ApprovalLevel, other: ApprovalLevel) -> bool:
    """Return whether a level needs fewer people, or a lower role, than another."""
    return one.approvals < other.approvals or not has_role(one.role, other.role)


def loosens_levels(old: Sequence[ApprovalLevel], new: Sequence[ApprovalLevel]) -> bool:
    """Return whether any amount is easier to approve under the new levels."""
    bounds = {0, *(level.above_minor for level in (*old, *new))}
    return any(
        is_weaker(level_of(bound + 1, new), level_of(bound + 1, old))
        for bound in bounds
    )


def levels_to_wire(
    levels: Sequence[ApprovalLevel], currency: str
) -> list[dict[str, Any]]:
    """Return levels as the API shows and takes them."""
    return [
        {
            "above": format_amount(level.above_minor, currency),
            "approvals": level.approvals,
            "role": level.role,
        }
        for level in levels
    ]


def level_texts(wire: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return levels in wire form as short texts, for lists of what changed."""
    return [
        f"above {level['above']}: {level['approvals']} by {level['role']}"
        for level in wire
    ]


def read_levels(reader: Reader, name: str, default: Any) -> tuple[ApprovalLevel, ...]:
    """Return the levels of a draft; errors go to the reader.

    The amounts that it compares with have been read.
    """
    levels = LevelsReader(
        reader.currency,
        reader.terms["requires_approval_above_minor"] or 0,
        reader.terms["max_transaction_amount_minor"],
        reader.refuse,
    )
    return levels.read(reader.draft.get(name, default))


Refuse = Callable[[str, str, str], None]  # Pointer, code, detail.


@dataclass(frozen=True, slots=True)
class LevelsReader:
    """Reads a draft's levels, and calls `refuse` for each error.

    Thresholds lie from `floor_minor` (below it nothing is held for its amount) to
    `maximum_minor`, each above the one before; no level is weaker than the one before.
    """

    currency: str
    floor_minor: int
    maximum_minor: int | None
    refuse: Refuse

    def read(self, value: object) -> tuple[ApprovalLevel, ...]:
        """Return what could be read; call `refuse` for the rest."""
        if not isinstance(value, list | tuple):
            self.refuse("/approval_levels", "not_a_list", "Write a list of levels.")
            return ()
        if len(value) > LEVELS_MAX:
            detail = f"Write at most {LEVELS_MAX} levels."
            self.refuse("/approval_levels", "too_many", detail)
            return ()
        levels: list[ApprovalLevel] = []
        for index, item in enumerate(value):
            at = f"/approval_levels/{index}"
            level = self._level(item, at)
            if level is not None:
                self._compare(level, levels[-1] if levels else None, at)
                levels.append(level)
        return tuple(levels)

    def _level(self, item: object, at: str) -> ApprovalLevel | None:
        if not isinstance(item, Mapping):
            self.refuse(at, "not_an_object", "Write above, approvals and role.")
            return None
        for name in item:
            if name not in FIELDS:
                code = Unlisted("unknown_field", _FIELD_WORDS, name)
                self.refuse(at + pointer_to(name), code, "No such field.")
        missing = [name for name in FIELDS if name not in item]
        for name in missing:
            self.refuse(f"{at}/{name}", "required", "This field is required.")
        if missing:
            return None
        above = self._above(item["above"], at)
        approvals = self._approvals(item["approvals"], at)
        role = item["role"]
        if role not in ROLES:
            code = Unlisted("role_unknown", _ROLE_WORDS, role)
            self.refuse(f"{at}/role", code, "Write manager or admin.")
        if above is None or approvals is None or role not in ROLES:
            return None
        return ApprovalLevel(above_minor=above, approvals=approvals, role=role)

    def _above(self, value: object, at: str) -> int | None:
        try:
            return parse_amount(value, self.currency, allow_zero=True)
        except MoneyError as error:
            self.refuse(f"{at}/above", error.code, error.detail)
            return None

    def _approvals(self, value: object, at: str) -> int | None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not 1 <= value <= APPROVALS_MAX:  # type: ignore[operator] # An int.
            detail = f"Write a whole number from 1 to {APPROVALS_MAX}."
            self.refuse(f"{at}/approvals", "out_of_range", detail)
            return None
        return value  # type: ignore[return-value] # As above.

    def _compare(
        self, level: ApprovalLevel, before: ApprovalLevel | None, at: str
    ) -> None:
        if before is None and level.above_minor < self.floor_minor:
            detail = "The first level begins below requires_approval_above."
            self.refuse(f"{at}/above", "below_approval", detail)
        if before is not None and level.above_minor <= before.above_minor:
            detail = "Each level begins above the one before."
            self.refuse(f"{at}/above", "not_increasing", detail)
        if self.maximum_minor is not None and level.above_minor > self.maximum_minor:
            detail = "This level begins above max_transaction_amount: it never applies."
            self.refuse(f"{at}/above", "above_maximum", detail)
        if before is not None and is_weaker(level, before):
            detail = "More money never needs fewer people or a lower role."
            self.refuse(at, "level_weaker", detail)
