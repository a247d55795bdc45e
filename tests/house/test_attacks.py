"""The attack catalogue: every item has a test named after it, or is known to wait.

`test_b10_refresh_sixteen_at_once` is item B10. An item leaves WAITING when the part
of the product that it attacks exists; a test for it must then exist too.
"""

from __future__ import annotations

import re

from tests.house.source import python_files

GROUPS = {
    "A": 18,  # Authentication.
    "B": 21,  # Sessions and tokens.
    "C": 19,  # Roles, foreign objects, mass assignment.
    "D": 10,  # Rate limits.
    "E": 13,  # Input.
    "F": 15,  # Signing and webhooks.
    "G": 11,  # Encryption, masking, keys.
    "H": 20,  # Function calls.
    "I": 8,  # Prompt injection.
    "J": 17,  # Pipeline and money.
    "K": 16,  # Approvals.
    "L": 13,  # Audit.
    "M": 8,  # Alerts and incidents.
    "N": 10,  # Console.
    "O": 9,  # Jobs.
    "P": 17,  # Infrastructure.
}
NEVER_GIVEN = {"P11"}

WAITING = """
    C14
    F9 F10 F11 F12 F15
    G11
    H6 H8 H9 H11 H12 H13 H14 H15 H16 H17 H18 H19 H20
    I1 I6 I7
    M2
    N5 N9
    P9 P12 P13 P14
""".split()  # noqa: SIM905 - a table reads better.


def test_every_attack_has_a_test_or_is_known_to_wait():
    items = {f"{group}{n + 1}" for group in GROUPS for n in range(GROUPS[group])}
    tested = {
        item.upper()
        for path in python_files("tests")
        for item in re.findall(r"def test_([a-p][0-9]+)_", path.read_text())
    }

    assert sorted(items - NEVER_GIVEN - tested) == sorted(WAITING)
    assert tested <= items
