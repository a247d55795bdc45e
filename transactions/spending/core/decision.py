"""The verdict: standing, then the five validations, in a fixed order, all of them.

Every check sees the same frozen facts and tells all it finds; the strictest finding
wins. A check that raises never allows: it denies or holds, as its row says.
Source: Security Considerations, "Validation Pipeline".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agents.core.money import format_amount
from agents.core.policy import PolicyRules
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
    """What a check is given."""

    facts: Facts
    policy: PolicyRules
    thresholds: Thresholds

    def money(self, amount_minor: int) -> str:
        """Write an amount of the policy's currency."""
        currency = self.policy.currency
        return f"{format_amount(amount_minor, currency)} {currency}"


@dataclass(frozen=True, slots=True)
class Check:
    """A named validation, and what it means when the validation itself fails."""

    name: str
    run: Callable[[Case], Iterable[Finding]]
    on_error: Outcome


def decide(facts: Facts, policy: PolicyRules | None, thresholds: Thresholds) -> Verdict:
    """Return the verdict on a request; pure, total, and never looser for doubt."""
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
    """Return what still denies a held request at the moment a human approves it.

    A human lifts a hold, never a deny: standing, amount, budget and merchant are
    judged afresh. Frequency, pattern and risk were about the moment of asking.
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
    except Exception:  # noqa: BLE001 - the one place that turns doubt into refusal.
        values = {"check": check.name}
        return [Finding(check.name, "check_failed", check.on_error, values)]


def validate_standing(case: Case) -> Iterator[Finding]:
    """May this agent ask at all: it, its owner, its credential, and no lock."""
    yield from standing_findings(case.facts)


def validate_amount(case: Case) -> Iterator[Finding]:
    """Currency, maximum, approval limit, and what limits and shared budgets leave."""
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
    """The merchant by its exact key, its look, what it sells, and where it is."""
    request, policy = case.facts.request, case.policy
    allowed = policy.allowed_merchants
    if allowed is not None and request.merchant_key not in allowed:
        values = {"merchant": ascii(request.merchant)[1:-1]}
        yield Finding("merchant", "merchant_not_allowed", DENY, values)
    yield from lookalike_findings(case.facts, policy)
    yield from category_findings(request, policy)
    yield from country_findings(request, policy)
    yield from mcc_findings(request, policy)


def validate_frequency(case: Case) -> Iterator[Finding]:
    """The hour, and the requests of the last one, this included, against limits."""
    yield from hours_findings(case.facts, case.policy)
    limit = case.policy.max_transactions_per_hour
    if limit is None:
        return
    count = requests_in_last_hour(case.facts.activity, case.facts.now) + 1
    if count > limit:
        values = {"count": str(count), "limit": str(limit)}
        yield Finding("frequency", "frequency_exceeded", DENY, values)


def validate_pattern(case: Case) -> Iterator[Finding]:
    """Repetition, a sum split below the approval limit, text that instructs."""
    if is_repeated(case.facts, case.thresholds):
        yield Finding("pattern", "repeated_request", HOLD)
    yield from near_duplicate_findings(case.facts, case.thresholds)
    yield from _split(case)
    description = case.facts.request.description
    if description and screen(description, "tool_output").outcome != "allow":
        yield Finding("pattern", "description_suspicious", HOLD)


def is_just_below_approval(
    request: SpendingRequest, policy: PolicyRules | None, thresholds: Thresholds
) -> bool:
    """Tell whether an amount needs no human, and would not need much to."""
    if policy is None or request.currency != policy.currency:
        return False
    limit = policy.requires_approval_above_minor
    if limit is None:
        return False
    least = limit * thresholds.split_from_percent
    return request.amount_minor <= limit and request.amount_minor * 100 >= least


def _split(case: Case) -> Iterator[Finding]:
    """Amounts just below the approval limit, which together pass it in an hour."""
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
    """The mean of the four factors against the two thresholds."""
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
    """Return the factors for the record; their failure was already a finding."""
    try:
        return assess(case.facts, case.policy, case.thresholds)
    except Exception:  # noqa: BLE001 - validate_risk has turned it into a hold.
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
