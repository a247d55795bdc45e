"""Tokens as cookies: what a browser may do with them, and what another site cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Session, User
from tests.people import PASSWORD

TOKEN = "/api/v1/auth/token/"
REFRESH = "/api/v1/auth/token/refresh/"
REVOKE = "/api/v1/auth/token/revoke/"
ME = "/api/v1/me/"
ACCESS_COOKIE, REFRESH_COOKIE = "__Host-access", "__Host-refresh"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def browser(api: Callable[..., APIClient]) -> APIClient:
    return api(enforce_csrf_checks=True)


def start(client: APIClient, **extra: Any) -> Any:
    body = {"username": "carol", "password": PASSWORD, "cookie": True}
    return client.post(TOKEN, body, **extra)


def test_b17_the_tokens_travel_only_as_protected_cookies(
    browser: APIClient, carol: User
):
    response = start(browser)

    assert response.status_code == 200
    assert set(response.json()) == {"expires_in", "csrf_token"}
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        cookie = response.cookies[name]
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == (
            "Strict",
            "/",
            "",
        )
        assert cookie.value not in response.content.decode()
    assert response.cookies[ACCESS_COOKIE]["max-age"] == 3600
    assert response.cookies[REFRESH_COOKIE]["max-age"] == 14 * 24 * 3600
    assert browser.get(ME).json()["username"] == "carol"


def test_b15_a_post_by_cookie_needs_the_csrf_token(browser: APIClient, carol: User):
    csrf = start(browser).json()["csrf_token"]

    refused = browser.post(REVOKE)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert Session.objects.get().ended_at is None

    assert browser.post(REVOKE, headers={"X-CSRFToken": csrf}).status_code == 204
    assert Session.objects.get().end_reason == "signed_out"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver:81"]
)
def test_b15_a_foreign_origin_is_refused_whatever_it_knows(
    browser: APIClient, carol: User, origin: str
):
    csrf = start(browser).json()["csrf_token"]

    response = browser.post(REVOKE, headers={"X-CSRFToken": csrf, "Origin": origin})

    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
    assert Session.objects.get().ended_at is None


@pytest.mark.parametrize("origin", ["https://evil.example", "https://testserver"])
def test_b15_a_form_of_another_site_is_refused(
    browser: APIClient, carol: User, origin: str
):
    """By its origin, and without one of its own by what it cannot know."""
    start(browser)

    response = browser.post(
        REVOKE,
        json.dumps({}),
        content_type="text/plain",
        headers={"Origin": origin},
    )

    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
    assert Session.objects.get().ended_at is None


def test_b15_another_site_cannot_start_a_session_in_this_browser(
    browser: APIClient, carol: User
):
    response = start(browser, headers={"Origin": "https://evil.example"})

    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
    assert ACCESS_COOKIE not in response.cookies
    assert Session.objects.count() == 0


def test_b15_a_refresh_by_cookie_needs_the_csrf_token(browser: APIClient, carol: User):
    csrf = start(browser).json()["csrf_token"]
    spent = browser.cookies[REFRESH_COOKIE].value

    refused = browser.post(REFRESH, {})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert browser.cookies[REFRESH_COOKIE].value == spent
    response = browser.post(REFRESH, {}, headers={"X-CSRFToken": csrf})

    assert response.status_code == 200
    assert set(response.json()) == {"expires_in", "csrf_token"}
    assert browser.cookies[REFRESH_COOKIE].value != spent
    assert browser.get(ME).status_code == 200


def test_b19_a_header_and_a_cookie_together_are_refused(
    browser: APIClient, carol: User, dave: User, client_for: Callable[..., APIClient]
):
    start(browser)
    other = client_for(dave)
    header = other._credentials["HTTP_AUTHORIZATION"]  # type: ignore[attr-defined] # DRF has it.

    for authorization in (header, "Basic YTpi", ""):
        response = browser.get(ME, headers={"Authorization": authorization})
        assert response.status_code == 400
        assert response.json()["code"] == "credentials_mixed"


def test_b19_two_refresh_tokens_are_refused_and_none_is_spent(
    browser: APIClient, carol: User
):
    csrf = start(browser).json()["csrf_token"]
    kept = Session.objects.get().refresh_hash

    response = browser.post(
        REFRESH,
        {"refresh": browser.cookies[REFRESH_COOKIE].value},
        headers={"X-CSRFToken": csrf},
    )

    assert (response.status_code, response.json()["code"]) == (
        400,
        "credentials_mixed",
    )
    assert Session.objects.get().refresh_hash == kept


def test_signing_out_takes_the_cookies_back(browser: APIClient, carol: User):
    csrf = start(browser).json()["csrf_token"]

    response = browser.post(REVOKE, headers={"X-CSRFToken": csrf})

    assert {
        response.cookies[name]["max-age"] for name in (ACCESS_COOKIE, REFRESH_COOKIE)
    } == {0}
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert browser.get(ME).status_code == 401


def test_ending_ones_own_session_takes_the_cookies_back(
    browser: APIClient, carol: User
):
    csrf = start(browser).json()["csrf_token"]
    address = f"/api/v1/auth/sessions/{Session.objects.get().pk}/"

    response = browser.delete(address, headers={"X-CSRFToken": csrf})

    assert response.status_code == 204
    assert {
        response.cookies[name]["max-age"] for name in (ACCESS_COOKIE, REFRESH_COOKIE)
    } == {0}
    assert response["Clear-Site-Data"] == '"cache", "storage"'


def test_the_csrf_token_can_be_asked_for_anew(browser: APIClient, carol: User):
    start(browser)
    csrf = browser.get("/api/v1/auth/csrf/").json()["csrf_token"]

    assert browser.post(REVOKE, headers={"X-CSRFToken": csrf}).status_code == 204
