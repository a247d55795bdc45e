"""Every route, by every method, as everybody: the table says who gets in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.routes import Route, all_routes
from tests.access.table import (
    CALLERS,
    CONSOLE_MODELS,
    METHODS,
    NOTHING_THERE,
    OTHER_AGENT,
    SAFE,
    Row,
    rows,
)
from tests.access.walk import (
    FOREIGN,
    IN,
    MISSING,
    NO_OBJECT,
    OWN_OBJECT,
    WRITTEN_BY_LOOKING,
    Answer,
    ask,
    expected,
)
from tests.access.world import World, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

API = "api/v1/"
CONSOLE = "admin/"
# Recovery codes are shown once, so showing them is noted.
SHOWN_ONCE = {"accounts/second-factors/codes/": {"mfa_authenticator"}}
# What sets the parts of the walk apart, so that they can be walked side by side.
API_PARTS = tuple(f"{API}{one}/" for one in ("auth", "agents", "transactions"))
PARTS = (
    *API_PARTS,
    API,
    "pages",
    "console",
    *sorted({one.split("/")[0] for one in CONSOLE_MODELS}),
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals are no news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def part_of(pattern: str) -> str:
    if pattern.startswith(API):
        return next((part for part in API_PARTS if pattern.startswith(part)), API)
    if not pattern.startswith(CONSOLE):
        return "pages"
    label = pattern.split("/")[1]
    return label if label in PARTS else "console"


def question(row: Row, pattern: str, method: str) -> dict[str, Any]:
    """Return what is sent: the row's body, and the headers that some routes want."""
    if not pattern.startswith(API):
        return {"content_type": "application/x-www-form-urlencoded"}
    return {
        "data": "" if method in SAFE else json.dumps(row.body),
        "content_type": "application/json",
        "headers": {"Idempotency-Key": "matrix", "If-Match": "*"},
    }


def callers_of(pattern: str) -> tuple[str, ...]:
    """Return who asks; pages do not read an agent's token, so that one is enough."""
    if pattern.startswith(API):
        return CALLERS
    return tuple(caller for caller in CALLERS if caller != OTHER_AGENT)


def answers(
    world: World, route: Route, row: Row
) -> Iterator[tuple[str, str, str, Answer]]:
    """Ask everything of one route: yield method, caller, whose object, and answer."""
    clients = world.api if route.pattern.startswith(API) else world.browsers
    for whose, objects in (
        (OWN_OBJECT, world.own),
        (FOREIGN, world.foreign),
        (NO_OBJECT, world.missing),
    ):
        address = route.address(objects) + (f"?{row.query}" if row.query else "")
        for method in METHODS:
            if whose != OWN_OBJECT and not (row.scope and row.who_may(method)):
                continue
            for caller in callers_of(route.pattern):
                sent = question(row, route.pattern, method)
                yield (
                    method,
                    caller,
                    whose,
                    ask(clients[caller], method, address, **sent),
                )


def test_c1_every_route_has_its_row_and_every_row_its_route():
    known = set(rows()) | set(NOTHING_THERE)

    assert sorted(set(all_routes()) - known) == [], "routes without a row"
    assert sorted(known - set(all_routes())) == [], "rows without a route"


@pytest.mark.parametrize("part", PARTS)
def test_c1_everybody_gets_what_the_table_says_and_looking_changes_nothing(part: str):
    world = make_world()
    wrong = []

    for pattern, row in rows().items():
        if part_of(pattern) != part:
            continue
        route, missing = all_routes()[pattern], {}
        for method, caller, whose, answer in answers(world, route, row):
            told = f"{method} /{pattern} of {whose} by {caller}: {answer.status}"
            wanted = expected(route, row, method, caller, whose)
            if answer.kind not in wanted:
                wrong.append(f"{told}, {answer.kind}; not {' or '.join(wanted)}")
            if answer.kind != IN or method in SAFE:
                changed = (
                    answer.written - WRITTEN_BY_LOOKING - SHOWN_ONCE.get(pattern, set())
                )
                wrong += [f"{told} wrote {table}" for table in changed]
            # What is not one's own is not told from what does not exist.
            if answer.kind == MISSING and part.startswith(API):
                words = missing.setdefault((method, caller), answer.words)
                if words != answer.words:
                    wrong.append(f"{told} says {answer.words!r}, and {words!r}")

    assert not wrong, "\n".join(wrong)
