"""Derive a decision again: from its record alone, or under another policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.policy.core.policy import PolicyRules
from audit.base.core.codec import from_json
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.decisions.core.facts import Facts, Thresholds
from transactions.decisions.core.outcome import Outcome, strictest
from transactions.decisions.core.record import (
    LOOKS_BY_ENGINE,
    Record,
    record_digest,
    verdict_as_json,
)
from transactions.decisions.core.verdict import Verdict
from transactions.spending.core.decision import decide

VERDICT = ("outcome", "findings", "risk_bp", "risk_factors_bp")


@dataclass(frozen=True, slots=True)
class Replay:
    """The recorded decision, the one derived from it now, and their differences.

    Both have the same keys: those of the verdict, `policy_digest`, `digest` (of the
    stored record) and `logged_digest` (from the audit log). `replayed` lacks the
    verdict and `policy_digest` if an unknown engine version decided, and `digest` if
    the record is older than digests.
    """

    record: Record
    recorded: Mapping[str, Any]
    replayed: Mapping[str, Any]

    @property
    def differences(self) -> tuple[str, ...]:
        """The keys whose values differ."""
        items = self.replayed.items()
        return tuple(name for name, value in items if self.recorded[name] != value)

    @property
    def matches(self) -> bool | None:
        """Whether all is equal; None if an unknown engine version decided."""
        if self.differences:
            return False
        return True if self.record.engine_version in LOOKS_BY_ENGINE else None


@dataclass(frozen=True, slots=True)
class Rule:
    """The outcome of one rule in the record, and under another policy."""

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
    """Derive a decision again from its record, under the policy it names, and compare.

    `digest` is the stored digest ("" if none); `logged` is the digest in the audit log,
    None if the log lacks the decision. Unreadable facts give no verdict, which counts
    as a difference. `policy` is compiled for the record's engine version
    (LOOKS_BY_ENGINE); decisions of an unknown one are not derived: only their digests
    are compared.
    """
    recorded = {name: getattr(record, name) for name in VERDICT} | {
        "policy_digest": _input(record, "policy_digest"),
        "digest": digest,
        "logged_digest": digest,
    }
    replayed: dict[str, Any] = {"logged_digest": logged}
    if digest or record.engine_version is not None:
        replayed["digest"] = _digest_or_none(record)
    if record.engine_version in LOOKS_BY_ENGINE:
        replayed["policy_digest"] = policy and policy.digest
        replayed |= _derived(record, policy)
    return Replay(record, recorded, replayed)


def rederive(record: Record, policy: PolicyRules | None) -> Verdict:
    """Return the verdict on a record's facts, under a policy and recorded thresholds.

    Raises ValueError if the facts or thresholds are unreadable.
    """
    facts = _input(record, "facts")
    if record.function_call is not None:
        return Verdict(*decide_call(from_json(CallFacts, facts), policy), None)
    thresholds = from_json(Thresholds, _input(record, "thresholds"))
    return decide(from_json(Facts, facts), policy, thresholds)


def compare_rules(record: Record, verdict: Verdict) -> list[Rule]:
    """Return the outcome of each rule (a check's code) then and now, recorded first.

    A rule with several findings counts with the strictest. Raises ValueError if the
    record's findings are unreadable.
    """
    try:
        recorded = [
            (f["check"], f["code"], Outcome(f["outcome"])) for f in record.findings
        ]
    except (KeyError, TypeError) as error:
        raise ValueError("The record's findings are unreadable.") from error
    then = _strictest_by_rule(recorded)
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
    except (ValueError, RecursionError):  # The row was altered.
        return None


def _input(record: Record, name: str) -> Any:
    return record.inputs.get(name) if isinstance(record.inputs, dict) else None
