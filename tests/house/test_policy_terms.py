"""Each term of a policy is read by something that decides, and is explained."""

from __future__ import annotations

import re

import pytest

from agents.policy.core.terms import TERMS, wire_name
from tests.house.source import ROOT, python_files

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


@pytest.mark.parametrize("name", TERMS)
def test_the_docs_explain_each_term(name):
    assert f"`{wire_name(name)}`" in (ROOT / "docs" / "policies.md").read_text()
