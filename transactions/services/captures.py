"""What becomes of money set aside: taken, given back, raised, refunded.

Each is asked once under an Idempotency-Key, whose answer is written together with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import transaction

from agents.core.money import MoneyError, format_amount, parse_amount
from agents.models import Agent
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent, policy_in_force, standing_now
from audit.core.masking import mask
from audit.errors import DomainError
from transactions.core.activity import (
    Activity,
    RecentRequest,
    count_increment,
    without,
)
from transactions.core.decision import Verdict, decide, is_just_below_approval
from transactions.core.digest import digest
from transactions.core.outcome import Outcome
from transactions.core.reasons import Finding
from transactions.core.standing import standing_findings
from transactions.errors import (
    AmountTooLarge,
    AuthorizationExpired,
    IdempotencyConflict,
    IncrementRefused,
    InvalidRequest,
    InvalidState,
    StillRefused,
)
from transactions.models import (
    AgentActivity,
    IdempotencyRecord,
    Refund,
    Reservation,
    Transaction,
)
from transactions.queries import (
    LockedSpender,
    request_of,
    snapshot_for,
    transaction_of_agent,
)
from transactions.representation import refund_body, represent
from transactions.services.asking import Answer
from transactions.services.lifecycle import (
    HELD_MONEY,
    REASON_MAX,
    expire,
    is_due,
    locked,
    set_status,
    tell,
)
from transactions.services.money import move_money, release
from transactions.services.records import THRESHOLDS

Status = Transaction.Status
OK, CREATED = 200, 201


@dataclass(frozen=True, slots=True)
class Held:
    """A locked transaction with its money, and the agent that acts."""

    spender: LockedSpender
    row: Transaction
    reservation: Reservation
    acting: AgentPrincipal

    @property
    def agent(self) -> LockedAgent:
        return self.spender.agent

    def obstacles(self) -> tuple[Finding, ...]:
        """Return what stops the agent: inactive, or locked since it was allowed."""
        standing = standing_now(
            self.agent,
            credential_id=self.acting.credential_id,
            merchant=self.row.merchant_key,
        )
        return tuple(standing_findings(standing))

    def move(self, kind: str, amount_minor: int) -> None:
        move_money(self.reservation, kind, amount_minor, agent=self.agent)

    def tell(self, action: str, amount_minor: int, **details: Any) -> None:
        currency = self.row.currency
        told = {"amount": format_amount(amount_minor, currency), "currency": currency}
        tell(self.row, action, told | details, actor=self.acting)


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
        amount_minor = _amount(held.row, amount, left_minor)
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
        return _transaction_answer(held)

    body = {"capture": transaction_id, "amount": _spelled(amount), "final": is_final}
    return _once(transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY)


def void(
    transaction_id: str, *, acting: AgentPrincipal, idempotency_key: str
) -> Answer:
    """Give back what is still set aside; what was captured stays captured.

    Raises NotFound, InvalidState, AuthorizationExpired, IdempotencyConflict.
    """

    def act(held: Held) -> Answer:
        left_minor = held.reservation.outstanding_minor
        set_status(held.row, Status.VOIDED)
        release(held.reservation, agent=held.agent)
        held.tell("transaction.voided", left_minor)
        return _transaction_answer(held)

    body = {"void": transaction_id}
    return _once(transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY)


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
        amount_minor = _amount(held.row, amount, None)
        verdict, counted = _judge_more(held, amount_minor)
        if verdict.outcome is not Outcome.ALLOW:
            codes = [finding.code for finding in verdict.reasons]
            held.tell("transaction.increment_refused", amount_minor, reasons=codes)
            return IncrementRefused(verdict.reasons)
        held.move("increment", amount_minor)
        _keep(held, counted)
        held.tell("transaction.incremented", amount_minor)
        return _transaction_answer(held)

    body = {"increment": transaction_id, "amount": _spelled(amount)}
    return _once(transaction_id, body, act, acting, idempotency_key, states=HELD_MONEY)


def refund(
    transaction_id: str,
    *,
    amount: Decimal | int | str | None,
    reason: str,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Note that a merchant gave money back, at most what it took; raises no budget.

    Raises NotFound, InvalidState if nothing is left to refund, AmountTooLarge,
    InvalidRequest, IdempotencyConflict.
    """

    def act(held: Held) -> Answer:
        money = held.reservation
        left_minor = money.taken_minor - money.refunded_minor
        if left_minor == 0:
            raise InvalidState("Nothing of this transaction is left to refund.")
        amount_minor = _amount(held.row, amount, left_minor)
        held.move("refund", amount_minor)
        given_back = Refund.objects.create(
            transaction=held.row,
            amount_minor=amount_minor,
            reason=mask(reason)[:REASON_MAX],
            created_at=held.agent.now,
        )
        held.tell("transaction.refunded", amount_minor, refund=given_back.pk)
        return Answer(CREATED, refund_body(given_back), is_replay=False)

    body = {"refund": transaction_id, "amount": _spelled(amount), "reason": reason}
    return _once(transaction_id, body, act, acting, idempotency_key, states=None)


Act = Callable[[Held], Answer | DomainError]


def _once(
    transaction_id: str,
    body: Mapping[str, Any],
    act: Act,
    acting: AgentPrincipal,
    idempotency_key: str,
    *,
    states: Sequence[str] | None,
) -> Answer:
    """Act on a locked transaction and keep the answer, or give the one kept before.

    A refusal that is on record is returned by `act`, and raised after the commit.
    """
    with transaction.atomic(durable=True):
        spender, row = locked(transaction_id, agent_id=acting.principal_id)
        records = IdempotencyRecord.objects.filter(agent_id=row.agent_id)
        known = records.filter(key=idempotency_key).first()
        if known is not None:
            return _known(known, body)
        answer = _acted(spender, row, act, acting, states)
        if isinstance(answer, Answer):
            IdempotencyRecord.objects.create(
                agent_id=row.agent_id,
                key=idempotency_key,
                request_digest=digest(body),
                status_code=answer.status_code,
                response=json.dumps(answer.body),
                created_at=spender.agent.now,
            )
            return answer
    raise answer


def _acted(
    spender: LockedSpender,
    row: Transaction,
    act: Act,
    acting: AgentPrincipal,
    states: Sequence[str] | None,
) -> Answer | DomainError:
    if states is not None:
        if row.status not in states:
            raise InvalidState.of(row.status)
        if is_due(row, spender.agent):
            expire(row, agent=spender.agent)
            return AuthorizationExpired()
    reservation = Reservation.objects.filter(pk=row.pk).first()
    if reservation is None:
        raise InvalidState.of(row.status)
    reservation.transaction = row
    return act(Held(spender, row, reservation, acting))


def _known(known: IdempotencyRecord, body: Mapping[str, Any]) -> Answer:
    if known.request_digest != digest(body):
        raise IdempotencyConflict
    return Answer(known.status_code, json.loads(known.response), is_replay=True)


def _spelled(amount: Decimal | int | str | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(
    row: Transaction, amount: Decimal | int | str | None, left_minor: int | None
) -> int:
    """Return an amount in minor units, all that is left if none is given."""
    if amount is None and left_minor is not None:
        return left_minor
    try:
        amount_minor = parse_amount(amount, row.currency)
    except MoneyError as error:
        raise InvalidRequest(error.code, error.detail, pointer="/amount") from None
    if left_minor is not None and amount_minor > left_minor:
        left = f"{format_amount(left_minor, row.currency)} {row.currency}"
        raise AmountTooLarge(left)
    return amount_minor


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
        credential_id=held.acting.credential_id,
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


def _transaction_answer(held: Held) -> Answer:
    seen = transaction_of_agent(held.agent.id, held.row.pk)
    return Answer(OK, represent(seen), is_replay=False)
