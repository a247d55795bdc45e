"""A page for each reason code, made from docs/reason-codes.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from agents.policy.core.limits import translate_limit
from security.alerts.core.thresholds import RISK_ELEVATED_BP, RISK_LIMIT_BP, spoken_risk
from transactions.decisions.core.reasons import MESSAGES
from transactions.decisions.wording import translated

REASON_CODES = settings.BASE_DIR / "docs" / "reason-codes.md"
# Example values for the placeholders of messages, by name.
EXAMPLES = {
    "amount": "1,249.00 USD",
    "available": "310.50 USD",
    "budget": "Team North, Month",
    "category": "gambling",
    "check": "pattern",
    "count": "21",
    "country": "FR",
    "currency": "EUR",
    "effect": "send",
    "kinds": "agent",
    "limit": "1,000.00 USD",
    "mcc": "7995",
    "merchant": "Google Ads",
    "other": "Google Ads",
    "period": "within 24 hours",
    "policy_currency": "USD",
    "score": "0.6125",
    "time": "Tue 03:20",
    "total": "1,180.00 USD",
    "zone": "Europe/Berlin",
}
EXAMPLES_OF_CODE = {
    "count_limit_exceeded": {"count": "4", "limit": "3"},
    "frequency_exceeded": {"limit": "20"},
    "merchant_lookalike": {"merchant": "Goog1e Ads"},
    "risk_elevated": {"limit": spoken_risk(RISK_ELEVATED_BP)},
    "risk_high": {"score": "0.8125", "limit": spoken_risk(RISK_LIMIT_BP)},
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The document's text on one code: its outcome, then paragraphs."""

    code: str
    group: str
    outcome: str
    paragraphs: tuple[SafeString, ...]

    @property
    def example(self) -> str:
        """The code's message with example values, in the active language."""
        values = EXAMPLES | EXAMPLES_OF_CODE.get(self.code, {})
        values["period"] = translate_limit(values["period"], translated)
        return translated(MESSAGES[self.code]).format_map(values)


@require_safe
def reason_index(request: HttpRequest) -> HttpResponse:
    """List all reason codes in the order of the checks."""
    values = {"explanations": explanations().values()}
    return render(request, "docs/reasons.html", values)


@require_safe
def reason_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one reason code: its cause, its effect, what to do."""
    explanation = explanations().get(code)
    if explanation is None:
        raise Http404
    return render(request, "docs/reason.html", {"reason": explanation})


@lru_cache(maxsize=1)
def explanations() -> Mapping[str, Explanation]:
    """Return the explanations by code; the document is read once per process."""
    return {each.code: each for each in _parsed(REASON_CODES.read_text("utf-8"))}


def _parsed(text: str) -> Iterator[Explanation]:
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        group, _, codes = section.partition("\n")
        for entry in re.split(r"^### `", codes, flags=re.M)[1:]:
            code, _, body = entry.partition("`\n")
            first, *others = body.strip().split("\n\n")
            outcome, _, rest = first.removeprefix("Outcome: ").partition(". ")
            paragraphs = tuple(map(_rich, (rest, *others)))
            yield Explanation(code, group, outcome.replace("**", ""), paragraphs)


def _rich(text: str) -> SafeString:
    """Return a paragraph as HTML, with text in backticks as code."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if number % 2 else part,)
            for number, part in enumerate(parts)
        ),
    )
