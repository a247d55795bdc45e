"""Screening of text for injected instructions: explainable, linear, never alone.

The verdict is advice with reasons. That no money moves beyond policy rests on the
policy, with this switched off as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from agents.prompts.core import decodings
from agents.prompts.core.rules import patterns
from agents.prompts.core.sanitize import Hidden, sanitize
from audit.base.core.lookalikes import LOOKS, Looks

Channel = Literal["user", "tool_output"]
Outcome = Literal["allow", "hold", "deny"]

Judge = Callable[[str], Iterable["Sign"]]

MAX_CHARACTERS = 60_000
HOLD_BP = 5_000
DENY_BP = 8_500
CERTAIN_BP = 10_000


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason; `weight_bp` is how much it alone says for an attack."""

    code: str
    message: str
    weight_bp: int


@dataclass(frozen=True, slots=True)
class Screening:
    """The verdict on a text. `score_bp` is 0 to 10,000."""

    outcome: Outcome
    score_bp: int
    reasons: tuple[Sign, ...]
    sanitized: str
    hidden: tuple[Hidden, ...]


def screen(text: str, channel: Channel, looks: Looks = LOOKS) -> Screening:
    """Judge a text: allow, hold from 0.5 on, deny from 0.85 on.

    Looks at what is visible, at what was hidden, and at what is encoded once over. A
    tool's output is judged more strictly than a user, who may give orders. Beyond
    60,000 characters nothing is read, and the text is held at least.
    """
    judge = partial(_findings, channel=channel, looks=looks)
    cut = text[:MAX_CHARACTERS]
    clean = sanitize(cut)
    findings = [
        *judge(clean.text),
        *_hidden_findings(clean.hidden, judge),
        *_encoded_findings(clean.text, judge),
    ]
    if len(text) > MAX_CHARACTERS:
        message = f"Only the first {MAX_CHARACTERS} characters were read."
        findings.append(Sign("text_truncated", message, HOLD_BP))
    score = combine(finding.weight_bp for finding in findings)
    return Screening(
        outcome=outcome_of(score),
        score_bp=score,
        reasons=tuple(findings),
        sanitized=clean.text,
        hidden=clean.hidden,
    )


def combine(weights_bp: Iterable[int]) -> int:
    """Return the weight of independent signs together: one minus what each leaves."""
    doubt = CERTAIN_BP
    for weight in weights_bp:
        doubt = doubt * (CERTAIN_BP - weight) // CERTAIN_BP
    return CERTAIN_BP - doubt


def outcome_of(score_bp: int) -> Outcome:
    """Return the outcome of a score: the thresholds themselves are the stricter."""
    if score_bp >= DENY_BP:
        return "deny"
    return "hold" if score_bp >= HOLD_BP else "allow"


def _findings(text: str, channel: Channel, looks: Looks) -> Iterator[Sign]:
    spellings = (text, *decodings.respelled(text, looks.digits))
    readings = [looks.text_skeleton(spelling) for spelling in spellings]
    for rule, pattern in patterns(any_spelling=looks.one_stroke):
        weight = rule.user_bp if channel == "user" else rule.tool_bp
        if weight and any(pattern.search(reading) for reading in readings):
            yield Sign(rule.code, rule.message, weight)
    if looks.mixes_scripts(text):
        message = "A word mixes Latin letters with look-alikes of another script."
        yield Sign("mixed_scripts", message, 5_000)


def _hidden_findings(hidden: Iterable[Hidden], judge: Judge) -> Iterator[Sign]:
    for one in hidden:
        weight = _HIDDEN_BP[one.kind]
        # A stray zero-width space comes with copied text; a row of them does not.
        if one.kind in {"zero_width", "control", "variation_selector"}:
            weight = min(weight, 1_000 * one.count)
        yield Sign(
            f"hidden_{one.kind}",
            f"{one.count} hidden characters of kind {one.kind} were removed.",
            weight,
        )
        if one.decoded and any(judge(one.decoded)):
            message = "Hidden text holds instructions."
            yield Sign("hidden_instruction", message, 9_000)


def _encoded_findings(text: str, judge: Judge) -> Iterator[Sign]:
    plain = {finding.code for finding in judge(text)}
    for reading in decodings.decoded(text):
        inside = [one for one in judge(reading) if one.code not in plain]
        if combine(one.weight_bp for one in inside) >= HOLD_BP:
            message = "Encoded text holds instructions."
            yield Sign("encoded_instruction", message, 8_500)
            return


_HIDDEN_BP = {
    "tag": 6_000,
    "variation_selector": 6_000,
    "zero_width": 5_000,
    "bidi": 5_500,
    "control": 4_000,
}
