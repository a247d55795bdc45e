"""Acting on money that is held, once under an Idempotency-Key.

The answer is written together with what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from agents.core.money import MoneyError, format_amount, parse_amount
from agents.core.policy_words import spoken_amount
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
from transactions.decisions.services.answers import OK, Answer, keep, told_before
from transactions.errors import (
    AmountTooLarge,
    AuthorizationExpired,
    InvalidRequest,
    InvalidState,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import transaction_of_agent
from transactions.spending.representation import represent
from transactions.spending.services.lifecycle import expire, is_due, locked, tell


@dataclass(frozen=True, slots=True)
class Held:
    """A locked transaction with its money, and who acts: its agent, or a person."""

    spender: LockedSpender
    row: Transaction
    reservation: Reservation
    acting: AgentPrincipal | User

    @property
    def agent(self) -> LockedAgent:
        return self.spender.agent

    @property
    def credential_id(self) -> str:
        """The one that asks. A person has none, and only gives back."""
        assert isinstance(self.acting, AgentPrincipal)  # noqa: S101 - as said.
        return self.acting.credential_id

    def obstacles(self) -> tuple[Finding, ...]:
        """Return what stops the agent: inactive, or locked since it was allowed."""
        standing = standing_now(
            self.agent,
            credential_id=self.credential_id,
            merchant=self.row.merchant_key,
        )
        return tuple(standing_findings(standing))

    def move(self, kind: str, amount_minor: int) -> None:
        move_money(self.reservation, kind, amount_minor, agent=self.agent)

    def tell(self, action: str, amount_minor: int, **details: Any) -> None:
        currency = self.row.currency
        told = {"amount": format_amount(amount_minor, currency), "currency": currency}
        tell(self.row, action, told | details, actor=self.acting)


Act = Callable[[Held], Answer | DomainError]


def once(
    transaction_id: str,
    body: Mapping[str, Any],
    act: Act,
    acting: AgentPrincipal | User,
    idempotency_key: str,
    *,
    states: Sequence[str] | None,
    agent_id: str | None = None,
) -> Answer:
    """Act on a locked transaction and keep the answer, or give the one kept before.

    Of the agent that acts, or of the one that a person acts for. A refusal that is on
    record is returned by `act`, and raised after the commit.
    """
    asked = digest(body)
    with transaction.atomic(durable=True):
        spender, row = locked(transaction_id, agent_id=agent_id or acting.principal_id)
        records = IdempotencyRecord.objects.filter(agent_id=row.agent_id)
        known = records.filter(key=idempotency_key).first()
        if known is not None:
            return told_before(known, request_digest=asked)
        answer = _acted(spender, row, act, acting, states)
        if isinstance(answer, Answer):
            record = keep(answer, spender.agent, idempotency_key, request_digest=asked)
            record.save(force_insert=True)
            return answer
    raise answer


def _acted(
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


def spelled(amount: Decimal | int | str | None) -> str | None:
    """Return an amount as it was written, for a digest."""
    return None if amount is None else str(amount)


def amount_of(
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
        raise AmountTooLarge(spoken_amount(left_minor, row.currency))
    return amount_minor


def transaction_answer(held: Held) -> Answer:
    """Return the transaction as it is now."""
    seen = transaction_of_agent(held.agent.id, held.row.pk)
    return Answer(OK, represent(seen), is_replay=False)
