"""What a decision says: the outcome, its findings and its risk."""

from __future__ import annotations

from dataclasses import dataclass

from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding, is_reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, all findings, and the risk factors."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    risk: RiskFactors | None

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that caused the outcome (equally strict ones), and notes."""
        decided = self.outcome
        return tuple(f for f in self.findings if is_reason(f.code, f.outcome, decided))


ONE = 10_000  # A factor or score of 1.0.


@dataclass(frozen=True, slots=True)
class RiskFactors:
    """The four factors, each 0..10000."""

    amount: int
    merchant: int
    velocity: int
    pattern: int

    def __post_init__(self) -> None:
        for value in self.as_tuple():
            if not 0 <= value <= ONE:
                raise ValueError("A risk factor must be from 0 to 10000.")

    def as_tuple(self) -> tuple[int, int, int, int]:
        return self.amount, self.merchant, self.velocity, self.pattern

    @property
    def score_bp(self) -> int:
        """The plain mean, rounded up: a fraction above a threshold counts as above."""
        return -(-sum(self.as_tuple()) // 4)
