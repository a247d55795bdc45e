"""The verdict: standing, then the five validations; all run, in a fixed order.

Every check sees the same frozen facts and reports all its findings; the strictest
finding wins. A check that raises an exception never allows: it denies or holds, as its
entry in CHECKS says. Source: Security Considerations, "Validation Pipeline".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agents.core.merchants import ascii_name
from agents.core.money import format_amount
from agents.policy.core.policy import PolicyRules
from agents.prompts.core.screen import screen
from security.alerts.core.thresholds import spoken_risk
from transactions.budgets.core.pots import limit_findings, shared_findings
from transactions.decisions.core.activity import (
    just_below_in_last_hour,
    requests_in_last_hour,
)
from transactions.decisions.core.facts import Facts, SpendingRequest, Thresholds
from transactions.decisions.core.outcome import Outcome, strictest
from transactions.decisions.core.reasons import Finding
from transactions.decisions.core.standing import standing_findings
from transactions.decisions.core.verdict import RiskFactors, Verdict
from transactions.risk.core.likeness import lookalike_findings, near_duplicate_findings
from transactions.risk.core.score import assess, is_repeated
from transactions.spending.core.reach import (
    category_findings,
    country_findings,
    hours_findings,
    mcc_findings,
)

ALLOW, HOLD, DENY = Outcome.ALLOW, Outcome.HOLD, Outcome.DENY


@dataclass(frozen=True, slots=True)
class Case:
    """The input of a check."""

    facts: Facts
    policy: PolicyRules
    thresholds: Thresholds

    def money(self, amount_minor: int) -> str:
        """Format an amount in the policy's currency."""
        currency = self.policy.currency
        return f"{format_amount(amount_minor, currency)} {currency}"


@dataclass(frozen=True, slots=True)
class Check:
    """A named validation, and the outcome if it raises an exception."""

    name: str
    run: Callable[[Case], Iterable[Finding]]
    on_error: Outcome


def decide(facts: Facts, policy: PolicyRules | None, thresholds: Thresholds) -> Verdict:
    """Return the verdict on a request. Pure; never raises, never allows on error."""
    if policy is None:
        return Verdict(DENY, (Finding("standing", "no_policy", DENY),), None)
    case = Case(facts, policy, thresholds)
    findings = [finding for check in CHECKS for finding in _run(check, case)]
    waiting = facts.activity.waiting_approvals
    if strictest(f.outcome for f in findings) is HOLD:
        findings.extend(_too_many_waiting(waiting, thresholds))
    outcome = strictest(finding.outcome for finding in findings)
    if outcome is ALLOW:
        findings.insert(0, Finding("policy", "allowed_by_policy", ALLOW))  # Then notes.
    return Verdict(outcome, tuple(findings), _risk_or_none(case))


def recheck(
    facts: Facts, policy: PolicyRules | None, thresholds: Thresholds
) -> tuple[Finding, ...]:
    """Return the findings that deny a held request when a human approves it.

    A human can lift a hold, but not a denial: standing, amount, budget and merchant are
    checked again. Frequency, pattern and risk concern the time of the request only.
    """
    if policy is None:
        return (Finding("standing", "no_policy", DENY),)
    case = Case(facts, policy, thresholds)
    return tuple(
        finding
        for check in HARD_CHECKS
        for finding in _run(check, case)
        if finding.outcome is DENY
    )


def _run(check: Check, case: Case) -> list[Finding]:
    try:
        return list(check.run(case))
    except Exception:  # noqa: BLE001 - any error becomes a finding that never allows.
        values = {"check": check.name}
        return [Finding(check.name, "check_failed", check.on_error, values)]


def validate_standing(case: Case) -> Iterator[Finding]:
    """Check that the agent, its owner and its credential are active and not locked."""
    yield from standing_findings(case.facts)


def validate_amount(case: Case) -> Iterator[Finding]:
    """Check currency, maximum, approval limit, policy limits and shared budgets."""
    request, policy = case.facts.request, case.policy
    if request.currency != policy.currency:
        values = {
            "policy_currency": policy.currency,
            "currency": request.currency,
        }
        yield Finding("amount", "currency_mismatch", DENY, values)
        return
    values = {"amount": case.money(request.amount_minor)}
    maximum = policy.max_transaction_amount_minor
    if request.amount_minor > maximum:
        limit = {"limit": case.money(maximum)}
        yield Finding("amount", "amount_above_maximum", DENY, values | limit)
    approval = policy.requires_approval_above_minor
    if approval is not None and request.amount_minor > approval:
        limit = {"limit": case.money(approval)}
        yield Finding("amount", "amount_requires_approval", HOLD, values | limit)
    yield from limit_findings(policy, request, case.facts.spent)
    yield from shared_findings(request, case.facts.shared)


def validate_merchant(case: Case) -> Iterator[Finding]:
    """Check the merchant's key, novelty and look-alikes, category, country and MCC."""
    request, policy = case.facts.request, case.policy
    allowed = policy.merchant_keys
    if allowed is not None and request.merchant_key not in allowed:
        values = {"merchant": ascii(request.merchant)[1:-1]}
        yield Finding("merchant", "merchant_not_allowed", DENY, values)
    if policy.new_merchant_requires_approval and not case.facts.merchant.allowed_count:
        values = {"merchant": ascii_name(request.merchant)}
        yield Finding("merchant", "merchant_new", HOLD, values)
    yield from lookalike_findings(case.facts, policy)
    yield from category_findings(request, policy)
    yield from country_findings(request, policy)
    yield from mcc_findings(request, policy)


def validate_frequency(case: Case) -> Iterator[Finding]:
    """Check the allowed hours, and the requests of the last hour with this one."""
    yield from hours_findings(case.facts, case.policy)
    limit = case.policy.max_transactions_per_hour
    if limit is None:
        return
    count = requests_in_last_hour(case.facts.activity, case.facts.now) + 1
    if count > limit:
        values = {"count": str(count), "limit": str(limit)}
        yield Finding("frequency", "frequency_exceeded", DENY, values)


def validate_pattern(case: Case) -> Iterator[Finding]:
    """Check for repetition, splitting below the approval limit, and instructions."""
    if is_repeated(case.facts, case.thresholds):
        yield Finding("pattern", "repeated_request", HOLD)
    yield from near_duplicate_findings(case.facts, case.policy, case.thresholds)
    yield from _split(case)
    description, looks = case.facts.request.description, case.policy.looks
    if description and screen(description, "tool_output", looks).outcome != "allow":
        yield Finding("pattern", "description_suspicious", HOLD)


def is_just_below_approval(
    request: SpendingRequest, policy: PolicyRules | None, thresholds: Thresholds
) -> bool:
    """Return whether an amount is at or just below the approval limit."""
    if policy is None or request.currency != policy.currency:
        return False
    limit = policy.requires_approval_above_minor
    if limit is None:
        return False
    least = limit * thresholds.split_from_percent
    return request.amount_minor <= limit and request.amount_minor * 100 >= least


def _split(case: Case) -> Iterator[Finding]:
    """Find amounts just below the approval limit that exceed it within an hour."""
    facts, limit = case.facts, case.policy.requires_approval_above_minor
    if limit is None or not is_just_below_approval(
        facts.request, case.policy, case.thresholds
    ):
        return
    allowed = just_below_in_last_hour(facts.activity, facts.now)
    total = allowed + facts.request.amount_minor
    if total > limit:
        values = {"total": case.money(total), "limit": case.money(limit)}
        yield Finding("pattern", "approval_limit_split", HOLD, values)


def validate_risk(case: Case) -> Iterator[Finding]:
    """Check the mean of the four factors against the two thresholds."""
    score = assess(case.facts, case.policy, case.thresholds).score_bp
    for code, outcome, limit in (
        ("risk_high", DENY, case.thresholds.risk_deny_above_bp),
        ("risk_elevated", HOLD, case.thresholds.risk_hold_above_bp),
    ):
        if score > limit:
            values = {"score": spoken_risk(score), "limit": spoken_risk(limit)}
            yield Finding("risk", code, outcome, values)
            return


def _too_many_waiting(waiting: int, thresholds: Thresholds) -> Iterator[Finding]:
    if waiting >= thresholds.waiting_approvals_max:
        values = {"count": str(waiting)}
        yield Finding("frequency", "too_many_waiting", DENY, values)


def _risk_or_none(case: Case) -> RiskFactors | None:
    """Return the factors for the record, or None if they cannot be computed."""
    try:
        return assess(case.facts, case.policy, case.thresholds)
    except Exception:  # noqa: BLE001 - validate_risk has already held the request.
        return None


CHECKS = (
    Check("standing", validate_standing, on_error=DENY),
    Check("amount", validate_amount, on_error=DENY),
    Check("merchant", validate_merchant, on_error=DENY),
    Check("frequency", validate_frequency, on_error=DENY),
    Check("pattern", validate_pattern, on_error=HOLD),
    Check("risk", validate_risk, on_error=HOLD),
)


HARD_CHECKS = CHECKS[:3]
