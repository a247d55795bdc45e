"""Judging texts for agents: what goes into a model, and what comes out of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from agents.prompts.core import boundaries, outputs
from agents.prompts.core.boundaries import Message, Segment
from agents.prompts.core.outputs import OutputCheck
from agents.prompts.core.screen import Channel, Screening, screen
from audit.services.recording import Outcome, record
from security.schemas.core.json_schema import compile_schema


def screen_text(text: str, *, channel: Channel) -> Screening:
    """Judge a text and record the verdict; the log gets a digest, not the text."""
    verdict = screen(text, channel)
    with transaction.atomic(durable=True):
        record(
            "prompt.screened",
            outcome=_audited(verdict.outcome),
            details={
                "channel": channel,
                "outcome": verdict.outcome,
                "score_bp": verdict.score_bp,
                "reasons": [finding.code for finding in verdict.reasons],
                "characters": len(text),
                "sha256": _digest(text),
            },
        )
    return verdict


def wrap_texts(system: str, segments: Sequence[Segment]) -> tuple[Message, ...]:
    """Return the messages with boundaries that no text can know; writes nothing."""
    return boundaries.wrap(system, segments, nonce=secrets.token_hex(16))


def validate_output(
    value: Any, *, is_text: bool, schema: dict[str, Any] | None
) -> OutputCheck:
    """Judge a model's output, a text or a JSON value, and record the verdict.

    With a schema a text must be JSON; without one it is prose. Raises SchemaRefused on
    an unsafe schema, SensitiveDataRefused on a card security code; neither is recorded
    as a verdict.
    """
    verdict = _check(value, is_text=is_text, schema=schema)
    with transaction.atomic(durable=True):
        record(
            "output.validated",
            outcome=_audited(verdict.outcome),
            details={
                "outcome": verdict.outcome,
                "reasons": sorted({reason.code for reason in verdict.reasons}),
            },
        )
    return verdict


def _check(value: Any, *, is_text: bool, schema: dict[str, Any] | None) -> OutputCheck:
    if schema is None:
        return outputs.check_output(value)
    compiled = compile_schema(schema, for_function=False)
    if is_text:
        return outputs.check_json_text(value, compiled)
    return outputs.check_output(value, compiled)


def _audited(outcome: str) -> str:
    return Outcome.SUCCESS if outcome == "allow" else Outcome.REFUSED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
