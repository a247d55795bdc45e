"""Act on reserved money, once per Idempotency-Key.

The answer is stored in the same transaction as the action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from agents.core.money import MoneyError, format_amount, parse_amount
from agents.policy.core.words import spoken_amount
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent, standing_now
from audit.base.errors import DomainError
from transactions.budgets.models import Reservation
from transactions.budgets.queries.locking import LockedSpender
from transactions.budgets.services.ledger import move_money
from transactions.decisions.core.digest import digest
from transactions.decisions.core.reasons import Finding
from transactions.decisions.core.standing import standing_findings
from transactions.decisions.models import IdempotencyRecord
from transactions.decisions.services.answers import (
    OK,
    Answer,
    idempotency_record,
    replayed_answer,
)
from transactions.errors import (
    AmountTooLarge,
    AuthorizationExpired,
    InvalidRequest,
    InvalidState,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import transaction_of_agent
from transactions.spending.representation import represent
from transactions.spending.services.lifecycle import (
    expire,
    is_due,
    lock_transaction,
    record_event,
)


@dataclass(frozen=True, slots=True)
class Held:
    """A locked transaction with its reservation; `acting` is its agent or a person."""

    spender: LockedSpender
    row: Transaction
    reservation: Reservation
    acting: AgentPrincipal | User

    @property
    def agent(self) -> LockedAgent:
        return self.spender.agent

    @property
    def credential_id(self) -> str:
        """The requesting credential; only for actions that people cannot take."""
        assert isinstance(self.acting, AgentPrincipal)  # noqa: S101 - no person.
        return self.acting.credential_id

    def blocking_findings(self) -> tuple[Finding, ...]:
        """Return the findings that stop the agent now, such as inactivity or a lock."""
        standing = standing_now(
            self.agent,
            credential_id=self.credential_id,
            merchant=self.row.merchant_key,
        )
        return tuple(standing_findings(standing))

    def move(self, kind: str, amount_minor: int) -> None:
        move_money(self.reservation, kind, amount_minor, agent=self.agent)

    def record_event(self, action: str, amount_minor: int, **details: Any) -> None:
        currency = self.row.currency
        money = {"amount": format_amount(amount_minor, currency), "currency": currency}
        record_event(self.row, action, money | details, actor=self.acting)


Act = Callable[[Held], Answer | DomainError]


def act_once(
    transaction_id: str,
    body: Mapping[str, Any],
    act: Act,
    acting: AgentPrincipal | User,
    idempotency_key: str,
    *,
    states: Sequence[str] | None,
    agent_id: str | None = None,
) -> Answer:
    """Act on a locked transaction and store the answer, or return the stored answer.

    `agent_id` is the transaction's agent if a person acts. `act` returns refusals that
    it has recorded; they are raised after the commit.
    """
    request_digest = digest(body)
    with transaction.atomic(durable=True):
        spender, row = lock_transaction(
            transaction_id, agent_id=agent_id or acting.principal_id
        )
        records = IdempotencyRecord.objects.filter(agent_id=row.agent_id)
        known = records.filter(key=idempotency_key).first()
        if known is not None:
            return replayed_answer(known, request_digest=request_digest)
        answer = _act(spender, row, act, acting, states)
        if isinstance(answer, Answer):
            record = idempotency_record(
                answer, spender.agent, idempotency_key, request_digest=request_digest
            )
            record.save(force_insert=True)
            return answer
    raise answer


def _act(
    spender: LockedSpender,
    row: Transaction,
    act: Act,
    acting: AgentPrincipal | User,
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


def amount_text(amount: Decimal | int | str | None) -> str | None:
    """Return an amount as it was written, for the digest of the request."""
    return None if amount is None else str(amount)


def amount_of(
    row: Transaction, amount: Decimal | int | str | None, left_minor: int | None
) -> int:
    """Return the amount in minor units, or all that is left if it is None."""
    if amount is None and left_minor is not None:
        return left_minor
    try:
        amount_minor = parse_amount(amount, row.currency)
    except MoneyError as error:
        raise InvalidRequest(error.code, error.detail, pointer="/amount") from None
    if left_minor is not None and amount_minor > left_minor:
        raise AmountTooLarge(spoken_amount(left_minor, row.currency))
    return amount_minor


def transaction_answer(held: Held) -> Answer:
    """Return the answer that shows the present state of the transaction."""
    seen = transaction_of_agent(held.agent.id, held.row.pk)
    return Answer(OK, represent(seen), is_replay=False)
