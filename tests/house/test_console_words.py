"""How money, risk and merchants are written for people: in one way, by one function."""

from __future__ import annotations

import re

from tests.house.source import APPS, ROOT, python_files

# What is recorded or sent word for word, and read by programs.
WIRE = {
    "transactions/spending/core/decision.py",
    "transactions/risk/core/likeness.py",
    "transactions/budgets/core/pots.py",
}


def sources() -> dict[str, str]:
    found = {str(p.relative_to(ROOT)): p.read_text() for p in python_files(*APPS)}
    assert len(found) > 200
    return found


def test_an_amount_with_its_currency_is_written_by_spoken_amount():
    """Only a decision's findings, which are records, keep the wire form."""
    glued = {
        path
        for path, text in sources().items()
        if re.search(r'\{format_amount\([^}]*\)\} ?["{]', text)
    }

    assert glued == WIRE


def test_a_risk_score_is_written_by_spoken_risk():
    own = {
        path
        for path, text in sources().items()
        if re.search(r"10_000\}|/ 10_000:|// 100\}", text)
    }

    assert own == {"security/alerts/core/thresholds.py"}


def test_no_page_shows_minor_units_or_basis_points():
    shown = re.compile(r"\{\{[^}|]*(?:_minor|_bp)\s*(?:\}\}|\|(?!money|score|level))")
    templates = list((ROOT / "templates").rglob("*.html"))
    raw = [str(path) for path in templates if shown.search(path.read_text())]

    assert len(templates) > 40
    assert raw == []
