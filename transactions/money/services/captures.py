"""Money set aside is taken, or raised: by its agent, while nothing stops it."""

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
    amount_of,
    once,
    spelled,
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
    """Take money that was set aside: all of it, or a part; the rest if final goes back.

    Raises NotFound, InvalidState, AuthorizationExpired, AmountTooLarge, InvalidRequest,
    IdempotencyConflict, and StillRefused, on record, while the agent may not spend.
    """

    def act(held: Held) -> Answer | StillRefused:
        left_minor = held.reservation.outstanding_minor
        amount_minor = amount_of(held.row, amount, left_minor)
        if findings := held.obstacles():
            codes = [finding.code for finding in findings]
            held.tell("transaction.capture_refused", amount_minor, reasons=codes)
            return StillRefused(findings)
        held.move("capture", amount_minor)
        if is_final:
            release(held.reservation, agent=held.agent)
        is_all = held.reservation.outstanding_minor == 0
        status = Status.CAPTURED if is_all else Status.PARTIALLY_CAPTURED
        if held.row.status != status:
            set_status(held.row, status)
        held.tell("transaction.captured", amount_minor, is_final=is_all)
        return transaction_answer(held)

    body = {"capture": transaction_id, "amount": spelled(amount), "final": is_final}
    return once(transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY)


def increment(
    transaction_id: str,
    *,
    amount: Decimal | int | str,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Set more money aside, if the policy in force allows the new total by itself.

    Raises as capture() does, and IncrementRefused: after the refusal is on record, for
    a hold as well, for then a human has to see a request of its own.
    """

    def act(held: Held) -> Answer | IncrementRefused:
        amount_minor = amount_of(held.row, amount, None)
        verdict, counted = _judge_more(held, amount_minor)
        if verdict.outcome is not Outcome.ALLOW:
            codes = [finding.code for finding in verdict.reasons]
            held.tell("transaction.increment_refused", amount_minor, reasons=codes)
            return IncrementRefused(verdict.reasons)
        held.move("increment", amount_minor)
        _keep(held, counted)
        held.tell("transaction.incremented", amount_minor)
        return transaction_answer(held)

    body = {"increment": transaction_id, "amount": spelled(amount)}
    return once(transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY)


@dataclass(frozen=True, slots=True)
class _Counted:
    """An agent's counters once more is set aside, and whether as just below."""

    activity: Activity
    is_just_below: bool


def _judge_more(held: Held, amount_minor: int) -> tuple[Verdict, _Counted]:
    """Judge a higher total by the policy in force, as if it were asked for by itself.

    Returns the counters, too, as they are if the total is allowed.
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
        # Nothing repeats itself, or adds up with itself.
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


def _keep(held: Held, counted: _Counted) -> None:
    """Write the counters that an increment changes; its agent's row is locked."""
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
