"""E12: no pattern of ours takes long over anything."""

from __future__ import annotations

import importlib
import re
from functools import partial

import pytest

from tests.house.source import ROOT, python_files
from tests.timing import is_under

APPS = ("accounts", "agents", "audit", "platform_site", "security", "transactions")
NASTY = [
    "a",
    " ",
    "0",
    "-",
    "'",
    "\\",
    '"',
    "(",
    "a-",
    "a b ",
    "1 ",
    "1-1.",
    "=,;",
    "\u0430a",
]
LENGTH = 5_000
LONGEST_S = 0.05


def patterns():
    """Yield every compiled pattern that one of our modules holds, with its name."""
    for path in python_files(*APPS):
        if "re.compile(" not in path.read_text():
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{name}.{key}", value


PATTERNS = dict(patterns())


def test_the_patterns_are_found():
    assert "agents.core.money._DECIMAL_FORM" in PATTERNS
    assert "transactions.risk.core.likeness._LABELS" in PATTERNS


@pytest.mark.parametrize("name", PATTERNS)
def test_e12_every_pattern_takes_under_50_ms(name):
    pattern = PATTERNS[name]
    for unit in NASTY:
        text = (unit * LENGTH)[:LENGTH] + "!"
        subject = text.encode() if isinstance(pattern.pattern, bytes) else text
        for search in (pattern.search, pattern.fullmatch):
            assert is_under(LONGEST_S, partial(search, subject)), (unit, search)
