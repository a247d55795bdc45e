"""Content-Security-Policy: a page loads from here, what is no page loads nothing."""

from __future__ import annotations

import pytest

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/errors/not_found/", "/no-page/"]
)
def test_a_page_may_load_its_scripts_and_styles_from_here(client, db, path: str):
    policy = client.get(path)[POLICY].split("; ")

    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= {*policy}
    assert {"frame-ancestors 'none'", "base-uri 'none'"} <= {*policy}


def test_a_redirect_keeps_the_policy_of_pages(client, db):
    response = client.get("/transactions/")

    assert response.status_code == 302
    assert "form-action 'self'" in response[POLICY]


def test_the_documentation_keeps_its_own_exception(client, db):
    documentation, page = client.get("/api/docs/"), client.get("/accounts/login/")

    assert (documentation.status_code, page.status_code) == (200, 200)
    assert "img-src 'self' data:" in documentation[POLICY]
    assert "img-src 'self' data:" not in page[POLICY]


@pytest.mark.parametrize(
    "path", ["/api/v1/me/", "/api/v1/nothing-here/", "/livez", "/.well-known/jwks.json"]
)
def test_what_is_no_page_may_load_nothing(client, db, path: str):
    response = client.get(path)

    assert not response["Content-Type"].startswith("text/html")
    assert response[POLICY] == NOTHING
