"""An agent's counters and merchants as they would be after another policy's outcomes.

Both start with the values in the first record, and then count as the services do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from agents.policy.core.policy import PolicyRules
from audit.base.core.lookalikes import LOOKS
from transactions.decisions.core.activity import (
    Activity,
    RecentRequest,
    advance,
    count_increment,
    count_request,
)
from transactions.decisions.core.facts import (
    MerchantHistory,
    SpendingRequest,
    Thresholds,
)
from transactions.decisions.core.outcome import Outcome
from transactions.spending.core.decision import is_just_below_approval

LOOKALIKES_MAX = 3  # As many as in the facts of a decision.


def approval_expiry(asked_at: datetime, policy: PolicyRules) -> datetime:
    """Return the instant until which a hold waits for people."""
    return asked_at + timedelta(minutes=policy.approval_expires_after_minutes)


class Counters:
    """The agent's rolling counters; unknown until the first record."""

    def __init__(self, policy: PolicyRules) -> None:
        self._policy = policy
        self._activity: Activity | None = None
        # By transaction: the minute in which it counts as just below approval.
        self._minutes: dict[str, datetime] = {}

    def known(self, recorded: Activity, now: datetime) -> Activity:
        # Advance once here, so that not every check has to.
        self._activity = advance(self._activity or recorded, now)
        return self._activity

    def count(
        self,
        transaction: str,
        request: SpendingRequest,
        outcome: Outcome,
        now: datetime,
        thresholds: Thresholds,
    ) -> None:
        if self._activity is None:
            return
        recent = RecentRequest(
            request.amount_minor,
            request.currency,
            request.merchant_key,
            now,
            request.merchant,
        )
        is_just_below = outcome is Outcome.ALLOW and is_just_below_approval(
            request, self._policy, thresholds
        )
        self._activity = count_request(
            self._activity,
            amount_minor=request.amount_minor,
            outcome=outcome,
            now=now,
            is_just_below=is_just_below,
            recent=recent,
        )
        self._note(transaction, self._activity.minute, is_just_below=is_just_below)

    def increase(
        self,
        transaction: str,
        request: SpendingRequest,
        *,
        before_minor: int,
        total_minor: int,
        now: datetime,
        thresholds: Thresholds,
    ) -> None:
        """Count an increment that raised a request to a total."""
        if self._activity is None:
            return
        total = replace(request, amount_minor=total_minor)
        is_just_below = is_just_below_approval(total, self._policy, thresholds)
        self._activity = count_increment(
            self._activity,
            before_minor=before_minor,
            total_minor=total_minor,
            now=now,
            is_just_below=is_just_below,
            minute=self._minutes.get(transaction),
        )
        self._note(transaction, self._activity.minute, is_just_below=is_just_below)

    def _note(self, transaction: str, minute: datetime, *, is_just_below: bool) -> None:
        self._minutes.pop(transaction, None)
        if is_just_below:
            self._minutes[transaction] = minute

    def answer(self, request: SpendingRequest, *, is_approved: bool) -> None:
        """Count the end of a hold; an approved one counts as allowed."""
        if self._activity is None:
            return
        now = self._activity
        approved, amount = int(is_approved), request.amount_minor
        self._activity = replace(
            now,
            waiting_approvals=now.waiting_approvals - 1,
            allowed_count=now.allowed_count + approved,
            allowed_sum_minor=now.allowed_sum_minor + approved * amount,
            allowed_sum_of_squares=now.allowed_sum_of_squares + approved * amount**2,
        )


class Merchants:
    """The history at each merchant; unknown until the first record."""

    def __init__(self) -> None:
        self._known: dict[str, MerchantHistory] = {}
        self._names: dict[str, str] = {}
        self._by_look: defaultdict[str, set[str]] = defaultdict(set)

    def known(
        self, request: SpendingRequest, recorded: MerchantHistory
    ) -> MerchantHistory:
        key, look = request.merchant_key, LOOKS.skeleton(request.merchant)
        here = self._known.setdefault(key, recorded)
        alike = self._by_look[look]
        others = {other for other in recorded.lookalikes if other not in self._known}
        others |= {
            other for other in alike - {key} if self._known[other].allowed_count > 0
        }
        if look:
            alike.add(key)
        # Older records lack the names.
        self._names |= dict(
            zip(recorded.lookalikes, recorded.lookalike_names, strict=False)
        )
        self._names[key] = request.merchant
        lookalikes = tuple(sorted(others)[:LOOKALIKES_MAX])
        return replace(
            here,
            lookalikes=lookalikes,
            lookalike_names=tuple(self._names.get(each, each) for each in lookalikes),
        )

    def count(self, request: SpendingRequest, outcome: Outcome, now: datetime) -> None:
        here = self._known.get(request.merchant_key)
        if here is None:
            return
        self._known[request.merchant_key] = replace(
            here,
            allowed_count=here.allowed_count + (outcome is Outcome.ALLOW),
            last_amount_minor=request.amount_minor,
            last_request_at=now,
        )

    def approve(self, request: SpendingRequest) -> None:
        here = self._known.get(request.merchant_key)
        if here is not None:
            more = here.allowed_count + 1
            self._known[request.merchant_key] = replace(here, allowed_count=more)
