"""A change at an address without its slash is 404: no redirect turns it into a read."""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.test import Client, override_settings
from django.urls import is_valid_path

from tests.access.routes import all_routes
from tests.flows.requests import SEED, app_rows, create

URL = "/api/v1/transactions"
CHANGES = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


def addresses() -> list[str]:
    """Return an address of every route that ends with a slash, without it."""
    fillers: defaultdict[str, str] = defaultdict(lambda: "1")
    found = {
        route.address(fillers)
        for route in all_routes().values()
        if route.pattern.endswith("/")
    }
    return sorted(path.rstrip("/") for path in found if is_valid_path(path))


@pytest.mark.parametrize("method", CHANGES)
def test_no_change_anywhere_is_sent_on_as_a_read(db, method: str):
    client = Client(raise_request_exception=False)
    paths = addresses()
    assert len(paths) > 120
    assert {"/api/v1/transactions", "/admin/login", "/approvals"} <= set(paths)
    before = app_rows()

    answers = {path: client.generic(method, path) for path in paths}

    assert {path: it.status_code for path, it in answers.items()} == dict.fromkeys(
        paths, 404
    )
    assert [path for path, it in answers.items() if it.has_header("Location")] == []
    assert app_rows() == before


def test_the_problem_says_where_to_send_it(shopper):
    before = app_rows()

    answer = shopper.post(URL, SEED, headers={"Idempotency-Key": "once"})

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["instance"]) == ("not_found", URL)
    assert body["detail"] == (
        "There is no such address; send this to /api/v1/transactions/ instead."
    )
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert app_rows() == before


def test_a_page_says_so_too(client, db):
    answer = client.post("/accounts/login", {"login": "x"})

    assert answer.status_code == 404
    assert "send this to /accounts/login/ instead" in answer.content.decode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_is_sent_on_as_before(shopper, method: str):
    answer = shopper.generic(method, f"{URL}?limit=1")

    assert (answer.status_code, answer["Location"]) == (301, f"{URL}/?limit=1")


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/.well-known/jwks.json"])
def test_an_address_that_has_no_slash_is_asked_as_it_is(client, db, path: str):
    assert client.post(path).status_code == 405


@override_settings(SECURE_SSL_REDIRECT=True)
def test_a_change_in_the_clear_is_refused_where_a_read_is_sent_to_https(shopper):
    before = app_rows()

    asked = create(shopper)
    read = Client().get("/approvals/")

    assert asked.status_code == 400
    assert asked["Content-Type"] == "application/problem+json"
    assert asked.json()["code"] == "https_required"
    assert app_rows() == before
    assert read.status_code == 301
    assert read["Location"] == "https://testserver/approvals/"


@override_settings(SECURE_SSL_REDIRECT=True)
def test_a_change_by_https_is_taken(shopper):
    answer = shopper.post(
        f"{URL}/", SEED, headers={"Idempotency-Key": "once"}, secure=True
    )

    assert answer.status_code == 201
