"""What an operation takes in its query is known, in the API from its schema.

The rest is 400, on pages as in the API.
"""

from __future__ import annotations

from typing import Any

import pytest

from audit.base.strict_query import parameters_of
from tests.access.routes import all_routes, openapi_path
from tests.access.table import ADMIN, AGENT, AGENTS, NOBODY, rows
from tests.access.walk import API, OWN_OBJECT, ask
from tests.access.world import make_world
from tests.declared import document


def api_methods():
    return [
        (pattern, method, who)
        for pattern, row in rows().items()
        if pattern.startswith(API)
        for method, who in row.who.items()
        if who != NOBODY
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("spacious_limits")
def test_c5_every_operation_refuses_an_unknown_parameter_and_does_nothing():
    """It asks every operation of the API once, in one world."""
    world, wrong = make_world(), []

    for pattern, method, who in api_methods():
        client = world.api[AGENT if who == AGENTS else ADMIN]
        address = all_routes()[pattern].address(world.objects[OWN_OBJECT])
        answer = ask(
            client,
            method,
            f"{address}?{rows()[pattern].query}&dry_run=1",
            content_type="application/json",
        )
        # That a session is in use is written to its row.
        written = answer.written - {"accounts_session"}
        is_named = answer.words.endswith(" /dry_run")
        if answer.status != 400 or not is_named or written:
            told = f"{answer.status} {answer.words}, wrote {sorted(written)}"
            wrong.append(f"{method} /{pattern}: {told}")

    assert not wrong, "\n".join(wrong)
    assert len(api_methods()) > 60


@pytest.mark.django_db
@pytest.mark.usefixtures("spacious_limits")
def test_c5_an_operation_without_a_body_refuses_one_and_does_nothing():
    """What a client believes to have asked for is not dropped on the way."""
    world, wrong, asked, paths = make_world(), [], 0, document()["paths"]

    for pattern, method, who in api_methods():
        if method == "GET":
            continue
        if "requestBody" in paths[openapi_path(pattern)][method.lower()]:
            continue
        client = world.api[AGENT if who == AGENTS else ADMIN]
        answer = ask(
            client,
            method,
            all_routes()[pattern].address(world.objects[OWN_OBJECT]),
            data='{"dry_run": true}',
            content_type="application/json",
            headers={"Idempotency-Key": "body"},
        )
        asked += 1
        written = answer.written - {"accounts_session"}
        is_named = answer.words.endswith(" /dry_run")
        if answer.status != 400 or not is_named or written:
            told = f"{answer.status} {answer.words}, wrote {sorted(written)}"
            wrong.append(f"{method} /{pattern}: {told}")

    assert not wrong, "\n".join(wrong)
    assert asked > 7


@pytest.mark.django_db
@pytest.mark.usefixtures("spacious_limits")
def test_c5_every_page_refuses_an_unknown_parameter():
    """It asks every page, the console's too, once, in one world."""
    world, wrong, asked = make_world(), [], 0

    for pattern, row in rows().items():
        if pattern.startswith(API) or "GET" not in row.who:
            continue
        address = all_routes()[pattern].address(world.objects[OWN_OBJECT])
        client = world.browsers[ADMIN]
        answer = ask(client, "GET", f"{address}?{row.query}&dry_run=1")
        asked += 1
        if answer.status != 400:
            wrong.append(f"/{pattern}: {answer.status}")

    assert not wrong, "\n".join(wrong)
    assert asked > 130


def test_c5_the_parameters_that_are_taken_are_those_of_the_schema():
    paths, taken, declared = document()["paths"], {}, {}
    for pattern, method, _ in api_methods():
        view: Any = all_routes()[pattern].view
        path = openapi_path(pattern)
        if path == "/api/v1/schema/":
            continue
        operation = f"{method} {path}"
        taken[operation] = parameters_of(view.cls(**view.initkwargs), method)
        declared[operation] = {
            parameter["name"]
            for parameter in paths[path][method.lower()].get("parameters", ())
            if parameter["in"] == "query"
        }

    assert taken == declared
    assert taken["GET /api/v1/transactions/{transaction_id}/"] == {"wait"}
    assert sum(map(len, taken.values())) > 40
