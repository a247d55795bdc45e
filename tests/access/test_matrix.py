"""Every route, by every method, as everybody: the table lists the permissions.

Methods that nobody has are asked as an admin alone, in `make stress` as everybody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.routes import all_routes
from tests.access.table import CONSOLE_MODELS, NOTHING_THERE, SAFE, Row, rows
from tests.access.walk import (
    API,
    IN,
    MISSING,
    WRITTEN_BY_LOOKING,
    Question,
    ask,
    expected,
    questions,
)
from tests.access.world import World, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

# Recovery codes are shown once, so showing them is noted.
SHOWN_ONCE = {"accounts/second-factors/codes/": {"mfa_authenticator"}}
# What is walked side by side, by how patterns begin; the longest that fits counts.
PARTS = (
    "",
    *(API + one for one in ("", "auth/", "agents/", "transactions/")),
    "admin/",
    *sorted({f"admin/{model.split('/')[0]}/" for model in CONSOLE_MODELS}),
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals are no news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def rows_of(part: str) -> dict[str, Row]:
    def fits(pattern: str) -> bool:
        return max(filter(pattern.startswith, PARTS), key=len) == part

    return {pattern: row for pattern, row in rows().items() if fits(pattern)}


def test_c1_every_route_has_its_row_and_every_row_its_route():
    known = set(rows()) | set(NOTHING_THERE)

    assert len(all_routes()) > 200
    assert sorted(set(all_routes()) - known) == [], "routes without a row"
    assert sorted(known - set(all_routes())) == [], "rows without a route"


@pytest.mark.parametrize("part", PARTS)
def test_c1_everybody_gets_what_the_table_says_and_looking_changes_nothing(part: str):
    walk(part)


@pytest.mark.stress
@pytest.mark.parametrize("part", PARTS)
def test_c1_no_method_is_open_to_anybody_whom_the_table_does_not_name(part: str):
    walk(part, everybody_tries_all=True)


def walk(part: str, *, everybody_tries_all: bool = False) -> None:
    """Ask all of a part's questions; fail with every answer that is not the table's."""
    world, wrong = make_world(), []
    table = rows_of(part)
    assert table

    for pattern, row in table.items():
        words_of_missing: dict[tuple[str, str], str] = {}
        for question in questions(pattern, row, everybody_tries_all):
            answer = put(world, question, row)
            told = f"{question}: {answer.status}"
            if answer.kind not in expected(question, row):
                wanted = " or ".join(expected(question, row))
                wrong.append(f"{told}, {answer.kind}; not {wanted}")
            if answer.kind != IN or question.method in SAFE:
                also = SHOWN_ONCE.get(pattern, set())
                changed = answer.written - WRITTEN_BY_LOOKING - also
                wrong += [f"{told} wrote {name}" for name in changed]
            if (
                answer.kind == MISSING
            ):  # An object of others looks like one that does not exist.
                asked = (question.method, question.caller)
                words = words_of_missing.setdefault(asked, answer.words)
                if words != answer.words:
                    wrong.append(f"{told} says {answer.words!r}, and {words!r}")

    assert not wrong, "\n".join(wrong)


def put(world: World, question: Question, row: Row) -> Any:
    """Send a question with the row's body, and the headers that some routes want."""
    objects = world.objects[question.whose]
    address = all_routes()[question.pattern].address(objects)
    if not question.pattern.startswith(API):
        return ask(
            world.browsers[question.caller],
            question.method,
            f"{address}?{row.query}",
            content_type="application/x-www-form-urlencoded",
        )
    return ask(
        world.api[question.caller],
        question.method,
        address,
        data="" if question.method in SAFE else json.dumps(row.body),
        content_type="application/json",
        headers={"Idempotency-Key": "matrix", "If-Match": "*"},
    )
