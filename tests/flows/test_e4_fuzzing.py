"""E4: whatever the schema allows, and whatever it forbids, no answer is a 5xx."""

from __future__ import annotations

import json
import warnings
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.requests import post_raw, problem
from tests.house.source import ROOT
from tests.spending import everything

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Its dependencies' own.
    import schemathesis
    from schemathesis import GenerationMode

SCHEMA = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.yaml")
ROOM = "/api/v1/transactions/"
OPERATIONS = sorted(
    (operation.method.upper(), operation.path)
    for result in SCHEMA.get_all_operations()
    for operation in (result.ok(),)
    if operation.path.startswith((ROOM, "/api/v1/function-calls/"))
)
# The same requests each time: a red test is red again.
BOUNDED = settings(
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.usefixtures("spacious_limits")


def send(client, case):
    """Send a generated case by Django's client, as far as HTTP can carry it."""
    headers = {
        str(name): str(value).encode("utf-8").decode("latin-1")
        for name, value in (case.headers or {}).items()
        if str(name).lower() not in ("authorization", "content-type")
    }
    body = None if case.body.__class__.__name__ == "NotSet" else case.body
    return client.generic(
        case.method,
        case.formatted_path,
        "" if body is None else json.dumps(body, default=str),
        content_type="application/json",
        query_params=case.query or {},
        headers=headers,
    )


def test_the_schema_tells_of_these_operations():
    assert ("POST", ROOM) in OPERATIONS
    assert len(OPERATIONS) >= 8


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_e4_no_request_ends_in_a_5xx(shopper, manager, method, path, mode):
    operation = SCHEMA[path][method]
    strategy = operation.as_strategy(generation_mode=mode)

    @BOUNDED
    @given(case=strategy, caller=st.sampled_from([shopper, manager]))
    def ask(case, caller):
        response = send(caller, case)

        assert response.status_code < 500, (case.formatted_path, case.body)
        if response.status_code >= 400:
            told = response["Content-Type"]
            assert told.startswith("application/problem+json"), response.content
            assert response.json()["status"] == response.status_code

    ask()


def test_e4_a_refused_request_writes_nothing(shopper):
    operation = SCHEMA[ROOM]["POST"]
    strategy = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    answers: Counter[tuple[int, bool]] = Counter()

    @BOUNDED
    @given(case=strategy)
    def ask(case):
        before = everything()
        response = send(shopper, case)
        told = response.json()
        # What is no JSON at all has no field to point to.
        is_form = told.get("code") == "invalid_request"
        has_fields = isinstance(case.body, dict) and is_form
        answers[response.status_code, has_fields] += 1
        if response.status_code >= 400:
            assert everything() == before
        if has_fields:
            assert "" not in [error["pointer"] for error in told["errors"]], told
            assert told["errors"]

    ask()

    # Few examples need not hold one of each kind of refusal.
    assert sum(answers[status] for status in answers if status[0] == 400) > 0
    assert problem(post_raw(shopper, b"{}"), 400, "invalid_request")
