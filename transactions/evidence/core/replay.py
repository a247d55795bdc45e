"""Deriving a decision anew: from its record alone, and under another policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.core.policy import PolicyRules
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.decisions.core.facts import Facts, Thresholds
from transactions.decisions.core.outcome import Outcome, strictest
from transactions.decisions.core.record import (
    ENGINE_VERSION,
    Record,
    policy_digest,
    record_digest,
    verdict_as_json,
)
from transactions.decisions.core.values import from_json
from transactions.decisions.core.verdict import Verdict
from transactions.spending.core.decision import decide

VERDICT = ("outcome", "findings", "risk_bp", "risk_factors_bp")


@dataclass(frozen=True, slots=True)
class Replay:
    """What a record says, what is derived from it now, and where the two differ.

    Both have the same keys: the verdict's, `policy_digest`, `digest` (of what is
    stored) and `logged_digest` (what the audit log tells that it is). `replayed` lacks
    the first ones where another engine decided, and `digest` where there is none.
    """

    record: Record
    recorded: Mapping[str, Any]
    replayed: Mapping[str, Any]

    @property
    def differences(self) -> tuple[str, ...]:
        """The keys that are not the same, bit for bit."""
        told = self.replayed.items()
        return tuple(name for name, value in told if self.recorded[name] != value)

    @property
    def matches(self) -> bool | None:
        """Whether all is the same; None where another engine decided: who can tell?"""
        if self.differences:
            return False
        return True if self.record.engine_version == ENGINE_VERSION else None


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule found in the record, and what it finds under another policy."""

    check: str
    code: str
    recorded: Outcome | None
    today: Outcome | None


def replay(
    record: Record,
    *,
    digest: str,
    logged: str | None,
    policy: PolicyRules | None,
) -> Replay:
    """Derive a decision anew from its record, which names the policy, and compare.

    `digest` is the stored one ("": none), `logged` the one that the audit log tells,
    None if it lacks the decision. Facts that cannot be read give no verdict, which
    differs from any. What another engine decided is not derived: only its digests are
    compared.
    """
    recorded = {name: getattr(record, name) for name in VERDICT} | {
        "policy_digest": _input(record, "policy_digest"),
        "digest": digest,
        "logged_digest": digest,
    }
    replayed: dict[str, Any] = {"logged_digest": logged}
    if digest or record.engine_version is not None:
        replayed["digest"] = _digest_or_none(record)
    if record.engine_version == ENGINE_VERSION:
        replayed["policy_digest"] = policy_digest(policy)
        replayed |= _derived(record, policy)
    return Replay(record, recorded, replayed)


def rederive(record: Record, policy: PolicyRules | None) -> Verdict:
    """Return the verdict on a record's facts. Raises ValueError if they are unreadable.

    Under the policy that is given, and the thresholds of the record.
    """
    facts = _input(record, "facts")
    if record.function_call is not None:
        return Verdict(*decide_call(from_json(CallFacts, facts), policy), None)
    thresholds = from_json(Thresholds, _input(record, "thresholds"))
    return decide(from_json(Facts, facts), policy, thresholds)


def compare_rules(record: Record, verdict: Verdict) -> list[Rule]:
    """Return what each rule (a check's code) found then and now: the recorded first.

    A rule that found several things counts with the strictest of them. Raises
    ValueError if the record's findings are unreadable.
    """
    try:
        told = [(f["check"], f["code"], Outcome(f["outcome"])) for f in record.findings]
    except (KeyError, TypeError) as error:
        raise ValueError("The record's findings are unreadable.") from error
    then = _strictest_by_rule(told)
    now = _strictest_by_rule((f.check, f.code, f.outcome) for f in verdict.findings)
    return [Rule(*key, then.get(key), now.get(key)) for key in {**then, **now}]


def _strictest_by_rule(
    found: Iterable[tuple[str, str, Outcome]],
) -> dict[tuple[str, str], Outcome]:
    rules: dict[tuple[str, str], Outcome] = {}
    for check, code, outcome in found:
        key = check, code
        rules[key] = strictest((outcome, rules.get(key, outcome)))
    return rules


def _derived(record: Record, policy: PolicyRules | None) -> dict[str, Any]:
    try:
        return verdict_as_json(rederive(record, policy))
    except ValueError:
        return dict.fromkeys(VERDICT)


def _digest_or_none(record: Record) -> str | None:
    try:
        return record_digest(record)
    except (ValueError, RecursionError):  # Nothing that we ever wrote.
        return None


def _input(record: Record, name: str) -> Any:
    return record.inputs.get(name) if isinstance(record.inputs, dict) else None
