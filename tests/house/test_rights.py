"""docs/rights.md names each right of people, and only rules and tests that exist."""

from __future__ import annotations

import re

from tests.house.source import ROOT, python_files
from tests.house.test_proofs import services_of_people

PAGE = (ROOT / "docs" / "rights.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its two first lines."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_each_service_of_people_gives_one_right_or_none():
    named = [
        name for row in rows_of("Rights") for name in re.findall("`(.+?)`", row[3])
    ]

    assert sorted(named) == sorted(services_of_people())


def test_each_pair_of_rights_has_its_cell():
    rights = [row[0] for row in rows_of("Rights")][:-1]
    pairs = rows_of("Pairs")

    assert rights == [str(number) for number in range(1, len(rights) + 1)]
    assert [row[0] for row in pairs] == [f"**{right}**" for right in rights]
    for number, row in enumerate(pairs, start=1):
        filled = [bool(cell) for cell in row[1:]]
        assert filled == [True] * number + [False] * (len(rights) - number), row


def test_cells_name_rules_that_are_described():
    used = {
        name
        for row in rows_of("Pairs")
        for cell in row[1:]
        for name in cell.split()
        if name != "–"
    }

    described = {row[0] for row in rows_of("Rules")}
    assert used == described


def test_each_rule_is_proved_by_tests_that_exist():
    tests = {
        name
        for path in python_files("tests")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    rules = rows_of("Rules")
    assert rules
    for rule, _, _, proof in rules:
        named = set(re.findall("`(.+?)`", proof))
        assert named, rule
        assert named <= tests, rule
