"""Transactions that a person or an agent may see."""

from __future__ import annotations

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from agents.queries import agents_visible_to
from audit.base.errors import NotFound
from transactions.approvals.models import ApprovalVote
from transactions.approvers.scope import approvals_in_scope
from transactions.spending.models import Transaction


def transactions_visible_to(user: User) -> QuerySet[Transaction]:
    """Return the transactions of the agents that a person may see: own, team or all."""
    return Transaction.objects.filter(agent__in=agents_visible_to(user))


def transaction_for(user: User, transaction_id: str) -> Transaction:
    """Return one visible transaction for representation.represent().

    Transactions on which the person may decide by delegation are visible, too. Raises
    NotFound, also if the person may not see the transaction.
    """
    in_place = approvals_in_scope(user, now=timezone.now()).values("transaction")
    visible = Q(agent__in=agents_visible_to(user)) | Q(pk__in=in_place)
    return _one(Transaction.objects.filter(visible), transaction_id)


def represented(transactions: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Load what representation.represent() needs, with 1 more query."""
    votes = ApprovalVote.objects.select_related("person", "delegation__delegator")
    return transactions.select_related(
        "agent__owner", "decision__policy_version", "approval", "reservation"
    ).prefetch_related(Prefetch("approval__votes", votes))


def _one(transactions: QuerySet[Transaction], transaction_id: str) -> Transaction:
    found = represented(transactions.filter(pk=transaction_id)).first()
    if found is None:
        raise NotFound
    return found


def transactions_of_agent(agent_id: str) -> QuerySet[Transaction]:
    """Return an agent's own transactions."""
    return Transaction.objects.filter(agent_id=agent_id)


def transaction_of_agent(agent_id: str, transaction_id: str) -> Transaction:
    """Return an agent's own transaction, loaded as by transaction_for()."""
    return _one(transactions_of_agent(agent_id), transaction_id)
