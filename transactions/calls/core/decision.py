"""The verdict on a function call: is it registered, enabled, allowed, well-formed?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.policy.core.policy import PolicyRules
from transactions.decisions.core.outcome import Outcome, strictest
from transactions.decisions.core.reasons import Finding
from transactions.decisions.core.standing import standing_findings

DENY = Outcome.DENY
# Effects that change nothing: a policy without a list of functions (null) allows them.
# For any other effect, also for future ones, the policy must name the function.
READING = frozenset({"read"})


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known about a call.

    `violations` lists the parts of the parameters that break the schema; None if the
    schema check could not run, which denies. `effect` is the registered effect of the
    function; None if it is not registered, and in records older than effects.
    """

    function: str
    is_registered: bool
    is_enabled: bool
    violations: tuple[str, ...] | None
    agent_is_active: bool
    owner_is_active: bool
    credential_is_live: bool
    locks: tuple[str, ...]
    effect: str | None = None


def decide_call(
    facts: CallFacts, policy: PolicyRules | None
) -> tuple[Outcome, tuple[Finding, ...]]:
    """Return the outcome and all findings; unregistered functions are denied."""
    findings = tuple(_findings(facts, policy))
    outcome = strictest(finding.outcome for finding in findings)
    if not findings:
        allowed = Finding("policy", "allowed_by_policy", Outcome.ALLOW)
        return Outcome.ALLOW, (allowed,)
    return outcome, findings


def _findings(facts: CallFacts, policy: PolicyRules | None) -> Iterator[Finding]:
    yield from standing_findings(facts)
    if policy is None:
        yield Finding("standing", "no_policy", DENY)
    if not facts.is_registered:
        yield Finding("function", "function_unknown", DENY)
        return
    if not facts.is_enabled:
        yield Finding("function", "function_disabled", DENY)
    if policy is not None and not _is_allowed(facts.function, policy):
        yield Finding("function", "function_not_allowed", DENY)
    if policy is not None and not _is_governed(facts, policy):
        values = {"effect": facts.effect or ""}
        yield Finding("function", "effect_not_governed", DENY, values)
    if facts.violations is None:
        yield Finding("parameters", "check_failed", DENY, {"check": "parameters"})
    elif facts.violations:
        values = {"violations": "; ".join(facts.violations)}
        yield Finding("parameters", "parameters_invalid", DENY, values)


def _is_allowed(function: str, policy: PolicyRules) -> bool:
    return policy.allowed_functions is None or function in policy.functions


def _is_governed(facts: CallFacts, policy: PolicyRules) -> bool:
    """Return whether the effect is unknown or only reading, or the policy names it."""
    if facts.effect is None or facts.effect in READING:
        return True
    return facts.function in policy.functions
