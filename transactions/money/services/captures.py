"""Capture and increment reserved money; for active and unlocked agents only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from agents.models import Agent
from agents.principals import AgentPrincipal
from agents.queries import policy_in_force
from transactions.budgets.services.ledger import release
from transactions.decisions.core.activity import (
    Activity,
    RecentRequest,
    count_increment,
    without,
)
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.verdict import Verdict
from transactions.decisions.services.answers import Answer
from transactions.errors import IncrementRefused, StillRefused
from transactions.money.services.held import (
    Held,
    act_once,
    amount_of,
    amount_text,
    transaction_answer,
)
from transactions.risk.models import AgentActivity
from transactions.spending.core.decision import decide, is_just_below_approval
from transactions.spending.models import Transaction
from transactions.spending.queries.requests import request_of
from transactions.spending.queries.snapshot import snapshot_for
from transactions.spending.services.lifecycle import HELD_MONEY, set_status
from transactions.spending.services.recording import THRESHOLDS

Status = Transaction.Status


def capture(
    transaction_id: str,
    *,
    amount: Decimal | int | str | None,
    is_final: bool,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Capture reserved money, all or a part; if final, give the rest back.

    Raises NotFound, InvalidState, AuthorizationExpired, AmountTooLarge, InvalidRequest,
    IdempotencyConflict; StillRefused, after recording it, if the agent may not spend.
    """

    def act(held: Held) -> Answer | StillRefused:
        left_minor = held.reservation.outstanding_minor
        amount_minor = amount_of(held.row, amount, left_minor)
        if findings := held.blocking_findings():
            codes = [finding.code for finding in findings]
            held.record_event(
                "transaction.capture_refused", amount_minor, reasons=codes
            )
            return StillRefused(findings)
        held.move("capture", amount_minor)
        if is_final:
            release(held.reservation, agent=held.agent)
        is_all = held.reservation.outstanding_minor == 0
        status = Status.CAPTURED if is_all else Status.PARTIALLY_CAPTURED
        if held.row.status != status:
            set_status(held.row, status)
        held.record_event("transaction.captured", amount_minor, is_final=is_all)
        return transaction_answer(held)

    body = {"capture": transaction_id, "amount": amount_text(amount), "final": is_final}
    return act_once(
        transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY
    )


def increment(
    transaction_id: str,
    *,
    amount: Decimal | int | str,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Set more money aside if the policy in force allows the new total without a human.

    Raises the errors of capture(), and IncrementRefused after recording the refusal.
    The latter also for a hold, because a human must see a separate request.
    """

    def act(held: Held) -> Answer | IncrementRefused:
        amount_minor = amount_of(held.row, amount, None)
        verdict, counted = _decide_total(held, amount_minor)
        if verdict.outcome is not Outcome.ALLOW:
            codes = [finding.code for finding in verdict.reasons]
            held.record_event(
                "transaction.increment_refused", amount_minor, reasons=codes
            )
            return IncrementRefused(verdict.reasons)
        held.move("increment", amount_minor)
        _save_counters(held, counted)
        held.record_event("transaction.incremented", amount_minor)
        return transaction_answer(held)

    body = {"increment": transaction_id, "amount": amount_text(amount)}
    return act_once(
        transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """The counters after an increment; is its total just below the approval limit?"""

    activity: Activity
    is_just_below: bool


def _decide_total(held: Held, amount_minor: int) -> tuple[Verdict, _Counted]:
    """Decide on the new total by the policy in force, as if it were a new request.

    Also returns the counters as they will be if the total is allowed.
    """
    row, money, policy = held.row, held.reservation, policy_in_force(held.agent)
    snapshot = snapshot_for(
        held.spender,
        policy=policy,
        credential_id=held.credential_id,
        merchant_key=row.merchant_key,
        category=row.category,
        currency=row.currency,
        now=row.occurred_at,
        own=money,
    )
    before_minor, minute = money.counted_minor, money.just_below_minute
    request = replace(request_of(row), amount_minor=before_minor + amount_minor)
    now = held.agent.now if row.agent.mode == Agent.Mode.LIVE else row.occurred_at
    facts = replace(
        snapshot.facts(request, now),
        # The request is not a repetition or a split of itself.
        activity=without(
            snapshot.activity,
            RecentRequest(
                row.amount_minor, row.currency, row.merchant_key, row.occurred_at
            ),
            counted_minor=before_minor,
            minute=minute,
        ),
    )
    is_just_below = is_just_below_approval(request, policy, THRESHOLDS)
    counted = count_increment(
        snapshot.activity,
        before_minor=before_minor,
        total_minor=request.amount_minor,
        now=now,
        is_just_below=is_just_below,
        minute=minute,
    )
    return decide(facts, policy, THRESHOLDS), _Counted(counted, is_just_below)


def _save_counters(held: Held, counted: _Counted) -> None:
    """Save the counters that an increment changes; the agent's row is locked."""
    now_on, money = counted.activity, held.reservation
    AgentActivity.objects.filter(agent_id=held.agent.id).update(
        minute=now_on.minute,
        requests_by_minute=now_on.requests_by_minute,
        just_below_by_minute=now_on.just_below_by_minute,
        allowed_sum_minor=now_on.allowed_sum_minor,
        allowed_sum_of_squares=now_on.allowed_sum_of_squares,
    )
    money.just_below_minute = now_on.minute if counted.is_just_below else None
    money.save(update_fields=["just_below_minute"])
