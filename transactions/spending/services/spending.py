"""The main use case: decide on an agent's spending request in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from agents.core.categories import CATEGORY_WORDS, OTHER, canonical_category
from agents.core.merchants import merchant_key
from agents.core.money import MoneyError, parse_amount
from agents.models import Agent
from agents.policy.core.policy import PolicyRules
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent, policy_in_force, policy_rules
from audit.base.core.lookalikes import LOOKS
from audit.base.core.masking import mask
from audit.base.core.vocabulary import Unlisted
from transactions.budgets.queries.locking import lock_spender
from transactions.decisions.core.facts import SpendingRequest
from transactions.decisions.services.answers import Answer
from transactions.decisions.services.recording import Question
from transactions.errors import BudgetsChanging, ClockRefused, InvalidRequest
from transactions.spending.core.decision import decide
from transactions.spending.queries.snapshot import snapshot_for
from transactions.spending.services.asking import Ask
from transactions.spending.services.recording import (
    THRESHOLDS,
    DecidedRequest,
    write_decided,
)

# How often to try while somebody sets up shared budgets for this agent.
ATTEMPTS = 3


def request_transaction(
    ask: Ask, *, acting: AgentPrincipal, idempotency_key: str
) -> Answer:
    """Decide on a spending request and write all its rows, or replay its answer.

    Three statements in one durable transaction: lock the agent and its shared budgets
    (this also reads the decision's only clock), read the past, write all rows. One more
    if the policy changed since authentication, and one for each limit that is new to
    the agent. A concurrent duplicate waits for the lock and gets the first answer.

    Raises IdempotencyConflict, InvalidRequest, ClockRefused, SensitiveDataRefused or
    BudgetsChanging before anything is written. A denial is an answer, not an error.
    """
    if acting.policy_version_id is not None:
        policy_rules(acting.policy_version_id)  # Compile a new policy before the lock.
    for _ in range(ATTEMPTS):
        with transaction.atomic(durable=True):
            answer = _answer(ask, acting, idempotency_key)
        if answer is not None:
            return answer
    raise BudgetsChanging


def _answer(ask: Ask, acting: AgentPrincipal, idempotency_key: str) -> Answer | None:
    """Decide while holding the locks.

    Returns None if a new shared budget appeared while waiting; the caller retries.
    """
    spender = lock_spender(acting.principal_id)
    agent = spender.agent
    now = _decision_clock(ask, agent)
    policy = policy_in_force(agent)
    question = Question(agent, acting, policy, idempotency_key, ask.digest())
    snapshot = snapshot_for(
        spender,
        policy=policy,
        credential_id=acting.credential_id,
        merchant_key=merchant_key(ask.merchant),
        merchant_skeleton=LOOKS.skeleton(ask.merchant),
        category=_category(ask),
        currency=_currency(ask, policy),
        now=now,
        idempotency_key=idempotency_key,
    )
    # Before the body is validated: a newer policy might reject it.
    if snapshot.answer is not None:
        return question.replayed(snapshot.answer)
    if not snapshot.is_fully_locked:
        return None
    request = _spending_request(ask, policy)
    facts = snapshot.facts(request, now)
    verdict = decide(facts, policy, THRESHOLDS)
    return write_decided(
        DecidedRequest(question, ask, request, snapshot, facts, verdict)
    )


def _decision_clock(ask: Ask, agent: LockedAgent) -> datetime:
    if ask.occurred_at is None:
        return agent.now.astimezone(UTC)
    if agent.mode != Agent.Mode.TEST:
        raise ClockRefused(pointer="/occurred_at")
    return ask.occurred_at.astimezone(UTC)


def _currency(ask: Ask, policy: PolicyRules | None) -> str:
    return ask.currency or (policy.currency if policy else "")


def _category(ask: Ask) -> str:
    return canonical_category(ask.category) or OTHER if ask.category else ""


def _unknown_category(ask: Ask, policy: PolicyRules | None) -> str:
    """Return the category if it is not one of ours, otherwise "".

    Raises InvalidRequest if the policy distinguishes categories.
    """
    if not ask.category or canonical_category(ask.category):
        return ""
    if policy is not None and policy.depends_on_category:
        raise InvalidRequest(
            Unlisted("category_unknown", CATEGORY_WORDS, ask.category),
            "This category is not known, and the policy has rules by category.",
            pointer="/category",
        )
    return ask.category


def _spending_request(ask: Ask, policy: PolicyRules | None) -> SpendingRequest:
    """Return the request in minor units; the currency defaults to the policy's."""
    currency = _currency(ask, policy)
    if not currency:
        raise InvalidRequest(
            "currency_required",
            "The agent has no policy to take the currency from.",
            pointer="/currency",
        )
    try:
        amount_minor = parse_amount(ask.amount, currency)
    except MoneyError as error:
        field_name = "currency" if error.code == "currency_unknown" else "amount"
        raise InvalidRequest(
            error.code, error.detail, pointer=f"/{field_name}"
        ) from None
    return SpendingRequest(
        amount_minor=amount_minor,
        currency=currency,
        merchant=ask.merchant,
        merchant_key=merchant_key(ask.merchant),
        category=_category(ask),
        description=mask(ask.description),
        merchant_country=ask.merchant_country,
        mcc=ask.mcc,
        unknown_category=_unknown_category(ask, policy),
    )
