"""Give money back: void what is set aside, refund what was captured.

The agent normally does it. If it cannot, because the agent, its owner or its credential
is inactive, people with the permission do it in its place. They cannot capture or
increment.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from accounts.models import User
from agents.principals import AgentPrincipal
from audit.base.core.masking import mask
from audit.base.errors import NotPermitted
from audit.base.readable import REASON_MAX, check_text
from security.locks.services import check_reason
from security.step_up import require_step_up
from transactions.budgets.services.ledger import release
from transactions.decisions.services.answers import CREATED, Answer
from transactions.errors import InvalidState
from transactions.money.models import Refund
from transactions.money.services.held import (
    Held,
    act_once,
    amount_of,
    amount_text,
    transaction_answer,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import transaction_for
from transactions.spending.representation import refund_body
from transactions.spending.services.lifecycle import HELD_MONEY, set_status

PERMISSION = "transactions.give_back"


def void(
    transaction_id: str,
    *,
    reason: str = "",
    acting: AgentPrincipal | User,
    idempotency_key: str,
) -> Answer:
    """Give back what is still set aside; what was captured stays captured.

    A person may act in the agent's place, with a reason and a recent step-up proof.
    Raises NotFound, InvalidState, AuthorizationExpired, IdempotencyConflict; for people
    also NotPermitted, ReasonMissing, StepUpRequired.
    """
    check_text(reason, pointer="/reason")
    agent_id, by = _agent_and_author(transaction_id, acting, reason)

    def act(held: Held) -> Answer:
        left_minor = held.reservation.outstanding_minor
        set_status(held.row, Transaction.Status.VOIDED)
        release(held.reservation, agent=held.agent)
        held.record_event("transaction.voided", left_minor, **_reason_details(reason))
        return transaction_answer(held)

    # Without a reason or a person the body is as in older versions: old keys match.
    body = {"void": transaction_id, **_reason_details(reason), **by}
    return act_once(
        transaction_id,
        body,
        act,
        acting,
        idempotency_key,
        states=HELD_MONEY,
        agent_id=agent_id,
    )


def refund(
    transaction_id: str,
    *,
    amount: Decimal | int | str | None,
    reason: str,
    acting: AgentPrincipal | User,
    idempotency_key: str,
) -> Answer:
    """Record that a merchant gave money back, at most what it took; frees no budget.

    People may act in the agent's place as in void(). Raises NotFound, InvalidState if
    nothing is left to refund, AmountTooLarge, InvalidRequest, IdempotencyConflict; for
    people also NotPermitted, ReasonMissing, StepUpRequired.
    """
    check_text(reason, pointer="/reason")
    agent_id, by = _agent_and_author(transaction_id, acting, reason)

    def act(held: Held) -> Answer:
        money = held.reservation
        left_minor = money.taken_minor - money.refunded_minor
        if left_minor == 0:
            raise InvalidState("Nothing of this transaction is left to refund.")
        amount_minor = amount_of(held.row, amount, left_minor)
        held.move("refund", amount_minor)
        given_back = Refund.objects.create(
            transaction=held.row,
            amount_minor=amount_minor,
            reason=mask(reason)[:REASON_MAX],
            created_at=held.agent.now,
        )
        details = {"refund": given_back.pk, **_reason_details(reason)}
        held.record_event("transaction.refunded", amount_minor, **details)
        return Answer(CREATED, refund_body(given_back), is_replay=False)

    body = {
        "refund": transaction_id,
        "amount": amount_text(amount),
        "reason": reason,
        **by,
    }
    return act_once(
        transaction_id,
        body,
        act,
        acting,
        idempotency_key,
        states=None,
        agent_id=agent_id,
    )


def _agent_and_author(
    transaction_id: str, acting: AgentPrincipal | User, reason: str
) -> tuple[str, Mapping[str, Any]]:
    """Return the agent's id, and the part of the body that identifies a person.

    Checks a person's permission, reason and step-up proof.
    """
    if isinstance(acting, AgentPrincipal):
        return acting.principal_id, {}
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    seen = transaction_for(acting, transaction_id)
    check_reason(reason)
    require_step_up(acting)
    return seen.agent_id, {"by": acting.pk}


def _reason_details(reason: str) -> Mapping[str, str]:
    return {"reason": reason} if reason else {}
