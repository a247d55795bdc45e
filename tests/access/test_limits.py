"""The rate class of each route: that of the table."""

from __future__ import annotations

import pytest

from tests.access.routes import all_routes
from tests.access.table import ADMIN, AGENT, AGENTS, NOBODY, Row, rows
from tests.access.test_matrix import put
from tests.access.walk import API, OWN_OBJECT, Question
from tests.access.world import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]


def class_of(row: Row, method: str) -> str:
    """Return what a method counts as by the table: reads are never high risk."""
    return "default" if method == "GET" and row.limit else row.limit


def test_d2_every_method_of_the_api_counts_in_the_class_of_its_row():
    world, wrong, asked = make_world(), [], 0

    for pattern, row in rows().items():
        if not pattern.startswith(API):
            continue
        for method, who in row.who.items():
            caller = AGENT if who == AGENTS else ADMIN
            question = Question(pattern, method, caller, OWN_OBJECT)
            answer = put(world, question, row)
            wanted = class_of(row, method)
            asked += 1
            # Of an agent's two buckets the smaller binds: its own one.
            if answer.limit != wanted:
                wrong.append(f"{question} counts as {answer.limit!r}, not {wanted!r}")

    assert not wrong, "\n".join(wrong)
    assert asked > 60


def test_d2_every_form_counts_in_the_class_of_its_row():
    found = {
        pattern: getattr(all_routes()[pattern].view, "rate_class", "")
        for pattern, row in rows().items()
        if not pattern.startswith(API) and row.who.get("POST", NOBODY) != NOBODY
    }

    assert len(found) > 30
    assert found == {pattern: rows()[pattern].limit for pattern in found}


def test_d2_the_classes_are_on_what_the_seed_names():
    """The table itself, compared with what must never be loosened."""
    api = {pattern: row for pattern, row in rows().items() if pattern.startswith(API)}

    assert {name.removeprefix(API) for name in api if api[name].limit == "auth"} == {
        "auth/token/",
        "auth/token/refresh/",
        "auth/agent-token/",
        "auth/step-up/",
        "auth/step-up/passkey/",
    }
    dangerous = ("approve", "deny", "credentials", "policy", "lock", "unlock", "keys")
    risky = {
        name: row.limit
        for name, row in api.items()
        if set(name.split("/")) & {*dangerous, "change-requests", "capture", "refund"}
        and set(row.who) != {"GET"}
    }
    assert len(risky) > 12
    assert set(risky.values()) == {"high_risk"}
