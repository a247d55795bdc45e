"""A page for each reason code, made of docs/reason-codes.md."""

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

from transactions.core.reasons import MESSAGES
from transactions.representation import translated

REASON_CODES = settings.BASE_DIR / "docs" / "reason-codes.md"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the document says of one code: its outcome, then paragraphs."""

    code: str
    group: str
    outcome: str
    paragraphs: tuple[SafeString, ...]

    @property
    def message(self) -> str:
        """The code's message with the names of what fills it, in braces."""
        return translated(MESSAGES[self.code])


@require_safe
def reason_index(request: HttpRequest) -> HttpResponse:
    """List all reason codes in the order in which checks run."""
    values = {"explanations": explanations().values()}
    return render(request, "docs/reasons.html", values)


@require_safe
def reason_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one reason code: when it comes, what it does, what to do."""
    explanation = explanations().get(code)
    if explanation is None:
        raise Http404
    return render(request, "docs/reason.html", {"reason": explanation})


@lru_cache(maxsize=1)
def explanations() -> Mapping[str, Explanation]:
    """Return what docs/reason-codes.md explains, by code; read once per process."""
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
    """Return a paragraph with what stands in backticks as code."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if number % 2 else part,)
            for number, part in enumerate(parts)
        ),
    )
