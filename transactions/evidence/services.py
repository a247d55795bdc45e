"""Derive decisions again; each replay is recorded in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from agents.policy.core.policy import PolicyRules
from agents.queries import policy_rules
from audit.base.context import Principal, System
from audit.services.recording import Outcome as AuditOutcome
from audit.services.recording import record
from transactions.decisions.core.verdict import Verdict
from transactions.evidence.core.replay import Replay, Rule, compare_rules, rederive
from transactions.evidence.queries.replays import replay_of
from transactions.spending.queries.reading import transaction_for

REPLAYER = System("replay of decisions")


@dataclass(frozen=True, slots=True)
class Today:
    """The verdict of the policy in force on the same facts, with each rule."""

    policy_number: int | None
    verdict: Verdict
    rules: list[Rule]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A decision derived again; `today` is None if its record is unreadable."""

    transaction_id: str
    replay: Replay
    today: Today | None


def replay_decision(transaction_id: str, *, acting: User) -> ReplayResult:
    """Derive a visible transaction's decision from its record alone, and compare.

    Changes nothing; the audit log records whether it matches. Raises NotFound.
    """
    with transaction.atomic(durable=True):
        found = transaction_for(acting, transaction_id)
        replayed = replay_of(found.decision)
        _record(replayed, actor=acting, owner_id=found.agent.owner_id)
    in_force = found.agent.policy_version_id
    policy = None if in_force is None else policy_rules(in_force)
    return ReplayResult(found.pk, replayed, _today(replayed, policy))


def record_difference(replayed: Replay) -> None:
    """Record in the audit log that a decision differs; this raises an alert."""
    with transaction.atomic(durable=True):
        _record(replayed, actor=REPLAYER)


def _record(replayed: Replay, *, actor: Principal, owner_id: str = "") -> None:
    about = replayed.record
    details: dict[str, object] = {
        "matches": replayed.matches,
        "differences": list(replayed.differences),
    }
    if about.transaction:
        details["transaction"] = about.transaction
    record(
        "decision.replayed",
        target=("decision", about.id, ""),
        owner_id=owner_id,
        outcome=_outcome(replayed),
        details=details,
        actor=actor,
    )


def _today(replayed: Replay, policy: PolicyRules | None) -> Today | None:
    try:
        verdict = rederive(replayed.record, policy)
        rules = compare_rules(replayed.record, verdict)
    except ValueError:
        return None
    number = None if policy is None else policy.number
    return Today(number, verdict, rules)


def _outcome(replayed: Replay) -> AuditOutcome:
    differs = replayed.matches is False
    return AuditOutcome.FAILURE if differs else AuditOutcome.SUCCESS
