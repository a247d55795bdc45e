"""What `type` of a problem document, and a reason code, resolve to."""

from __future__ import annotations

import pytest

from transactions.core.reasons import MESSAGES


@pytest.mark.parametrize("code", MESSAGES)
def test_every_reason_code_has_a_page_that_says_what_to_do(client, db, code):
    page = client.get(f"/errors/{code}/")

    assert page.status_code == 200
    assert b"What to do:" in page.content


def test_another_code_has_the_general_page(client, db):
    page = client.get("/errors/idempotency_key_reused/")

    assert page.status_code == 200
    assert b"What to do:" not in page.content


@pytest.mark.parametrize("code", ["x", "Bad", "..", "a" * 80])
def test_what_is_no_code_is_not_found(client, db, code):
    assert client.get(f"/errors/{code}/").status_code == 404
