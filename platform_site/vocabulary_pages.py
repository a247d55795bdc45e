"""A page for each closed set of words that inputs accept; errors link to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.core.categories import CATALOGUE, CATEGORY_WORDS
from agents.core.countries import COUNTRY_WORDS
from agents.core.mcc import GROUP_WORDS, ranges_of
from agents.core.money import CURRENCY_WORDS, EXPONENTS
from agents.policy.core.hours import zone_words
from audit.base.core.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and the notes on it."""

    word: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A closed set as its page shows it; `notes` returns the notes on a word."""

    title: str
    lead: str
    words: Callable[[], Vocabulary]
    notes: Callable[[str], Iterator[str]]

    @property
    def address(self) -> str:
        return self.words().address

    @property
    def entries(self) -> list[Entry]:
        return [Entry(word, tuple(self.notes(word))) for word in self.words().words]


def _category_notes(word: str) -> Iterator[str]:
    category = CATALOGUE[word]
    if category.aliases:
        yield f"Also: {', '.join(category.aliases)}."
    codes = [f"{name} ({', '.join(ranges_of(name))})" for name in category.groups]
    yield f"Merchant codes: {'; '.join(codes)}." if codes else "No merchant codes."


def _currency_notes(word: str) -> Iterator[str]:
    yield f"{EXPONENTS[word]} decimals."


def _group_notes(word: str) -> Iterator[str]:
    yield f"{', '.join(ranges_of(word))}."


def _no_notes(_: str) -> Iterator[str]:
    yield from ()


LISTINGS = {
    listing.words().page: listing
    for listing in (
        Listing(
            "Categories",
            "What money is spent on. Case, spaces, hyphens and underscores make no "
            "difference. Groups of merchant category codes (ISO 18245) define what a "
            "category means. Any other text counts as “other” if the policy neither "
            "blocks nor limits categories; otherwise it is refused.",
            lambda: CATEGORY_WORDS,
            _category_notes,
        ),
        Listing(
            "Currencies",
            "Active currencies of ISO 4217, in capitals.",
            lambda: CURRENCY_WORDS,
            _currency_notes,
        ),
        Listing(
            "Countries",
            "ISO 3166-1 alpha-2, in capitals, and XK for Kosovo.",
            lambda: COUNTRY_WORDS,
            _no_notes,
        ),
        Listing(
            "Groups of merchant category codes",
            "Values of a policy's “blocked_mcc_groups”: codes of ISO 18245.",
            lambda: GROUP_WORDS,
            _group_notes,
        ),
        Listing(
            "Time zones",
            "UTC, and the time zones of the IANA database on this host.",
            zone_words,
            _no_notes,
        ),
    )
}


@require_safe
def vocabulary_index(request: HttpRequest) -> HttpResponse:
    """List the closed sets that have a page."""
    values = {"listings": LISTINGS.values()}
    return render(request, "docs/vocabularies.html", values)


@require_safe
def vocabulary_page(request: HttpRequest, name: str) -> HttpResponse:
    """List all words of one closed set."""
    listing = LISTINGS.get(name)
    if listing is None:
        raise Http404
    return render(request, "docs/vocabulary.html", {"listing": listing})
