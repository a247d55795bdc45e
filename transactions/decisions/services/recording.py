"""One path by which every decision is written, of spending and of function calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.policy.core.policy import PolicyRules
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent
from audit.base.batch import Insert, write_together
from audit.base.core.codec import as_json
from audit.models import AuditEvent
from audit.services.recording import Outcome, build_event
from transactions.decisions.core.record import (
    ENGINE_VERSION,
    record_digest,
    verdict_as_json,
)
from transactions.decisions.core.verdict import Verdict
from transactions.decisions.models import Decision
from transactions.decisions.queries.answers import StoredAnswer
from transactions.decisions.queries.records import record_of
from transactions.decisions.services.answers import (
    CREATED,
    Answer,
    idempotency_record,
    replayed_answer,
)


@dataclass(frozen=True, slots=True)
class Question:
    """The caller of a decision and its policy; the agent's row is locked.

    `digest` is that of the request's body: a repeat under the same key has the same.
    """

    agent: LockedAgent
    acting: AgentPrincipal
    policy: PolicyRules | None
    idempotency_key: str
    digest: str

    @property
    def policy_version_id(self) -> str | None:
        return self.policy.id if self.policy else None

    @property
    def policy_number(self) -> int | None:
        return self.policy.number if self.policy else None

    def replayed(self, stored: StoredAnswer) -> Answer:
        """Return the first answer again. Raises IdempotencyConflict."""
        return replayed_answer(stored, request_digest=self.digest)

    def decision(
        self, verdict: Verdict, *, inputs: Mapping[str, object], **subject: object
    ) -> Decision:
        """Return the unsaved row of a verdict, bound by the digest of all of it."""
        row = Decision(
            inputs={
                **{name: as_json(value) for name, value in inputs.items()},
                "policy_digest": self.policy and self.policy.digest,
            },
            policy_version_id=self.policy_version_id,
            engine_version=ENGINE_VERSION,
            decided_at=self.agent.now,
            **verdict_as_json(verdict),
            **subject,
        )
        row.digest = record_digest(record_of(row))
        return row

    def event(
        self,
        action: str,
        target: tuple[str, str, str],
        details: Mapping[str, object],
        *,
        outcome: str = Outcome.SUCCESS,
    ) -> AuditEvent:
        """Return an unsaved event about what was asked."""
        return build_event(
            action,
            target=target,
            owner_id=self.agent.owner_id,
            outcome=outcome,
            details={"mode": self.agent.mode, "agent": self.agent.id, **details},
            actor=self.acting,
            occurred_at=self.agent.now,
        )

    def answer(
        self, body: Mapping[str, Any], rows: Sequence[Insert], events: list[AuditEvent]
    ) -> Answer:
        """Write the rows, the events and the answer for repeats. 1 statement."""
        answer = Answer(CREATED, body, is_replay=False)
        kept = idempotency_record(
            answer, self.agent, self.idempotency_key, request_digest=self.digest
        )
        write_together(*rows, Insert([kept]), Insert(events))
        return answer
