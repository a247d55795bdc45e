"""Money goes back: what is set aside by a void, what was taken by a refund.

The agent does it itself. Where it cannot, because it, its owner or its credential is
gone, people who answer for it do; nobody captures or raises anything in its place.
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
    amount_of,
    once,
    spelled,
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

    By the agent; or in its place by a person who answers for it, with a reason and a
    fresh proof. Raises NotFound, InvalidState, AuthorizationExpired,
    IdempotencyConflict; for people also NotPermitted, ReasonMissing, StepUpRequired.
    """
    check_text(reason, pointer="/reason")
    agent_id, by = _in_whose_place(transaction_id, acting, reason)

    def act(held: Held) -> Answer:
        left_minor = held.reservation.outstanding_minor
        set_status(held.row, Transaction.Status.VOIDED)
        release(held.reservation, agent=held.agent)
        held.tell("transaction.voided", left_minor, **_told(reason))
        return transaction_answer(held)

    # Spelled as ever where nothing is new, for keys of before.
    body = {"void": transaction_id, **_told(reason), **by}
    return once(
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
    """Note that a merchant gave money back, at most what it took; raises no budget.

    By whom void() says. Raises NotFound, InvalidState if nothing is left to refund,
    AmountTooLarge, InvalidRequest, IdempotencyConflict; for people also NotPermitted,
    ReasonMissing, StepUpRequired.
    """
    check_text(reason, pointer="/reason")
    agent_id, by = _in_whose_place(transaction_id, acting, reason)

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
        told = {"refund": given_back.pk, **_told(reason)}
        held.tell("transaction.refunded", amount_minor, **told)
        return Answer(CREATED, refund_body(given_back), is_replay=False)

    body = {
        "refund": transaction_id,
        "amount": spelled(amount),
        "reason": reason,
        **by,
    }
    return once(
        transaction_id,
        body,
        act,
        acting,
        idempotency_key,
        states=None,
        agent_id=agent_id,
    )


def _in_whose_place(
    transaction_id: str, acting: AgentPrincipal | User, reason: str
) -> tuple[str, Mapping[str, Any]]:
    """Return whose money it is, and what tells a person's request from the agent's."""
    if isinstance(acting, AgentPrincipal):
        return acting.principal_id, {}
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    seen = transaction_for(acting, transaction_id)
    check_reason(reason)
    require_step_up(acting)
    return seen.agent_id, {"by": acting.pk}


def _told(reason: str) -> Mapping[str, str]:
    return {"reason": reason} if reason else {}
