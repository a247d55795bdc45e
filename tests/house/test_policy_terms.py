"""Each term of a policy is read by something that decides."""

from __future__ import annotations

import re

import pytest

from agents.policy.core.terms import TERMS
from tests.house.source import python_files

# Where a term is declared, read from a draft or explained, nothing is decided by it.
DERIVED = ("agents/policy/core/terms.py", "agents/policy/core/draft.py")
DECIDING = "\n".join(
    path.read_text()
    for path in python_files("agents", "transactions")
    if not str(path).endswith(DERIVED)
)


@pytest.mark.parametrize("name", TERMS)
def test_a_decision_reads_each_term(name):
    assert re.search(rf"\.{name}\b", DECIDING), f"Nothing reads {name}."
