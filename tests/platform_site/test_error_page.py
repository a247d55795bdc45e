"""What `type` of a problem document, and a reason code, resolve to."""

from __future__ import annotations

import pytest

from audit.base.errors import DomainError
from platform_site.error_codes import domain_errors, error_details
from transactions.decisions.core.reasons import MESSAGES


@pytest.mark.parametrize("code", MESSAGES)
def test_every_reason_code_has_a_page_that_says_what_to_do(client, db, code):
    page = client.get(f"/errors/{code}/")

    assert page.status_code == 200
    assert b"What to do:" in page.content


def test_another_code_has_a_page_that_says_what_it_means(client, db):
    page = client.get("/errors/idempotency_key_reused/")

    assert page.status_code == 200
    assert b"This Idempotency-Key was used for another request" in page.content
    assert b"What to do:" not in page.content


def test_every_code_of_a_domain_error_is_told():
    codes = {
        kind.code
        for kind in domain_errors()
        if kind.__init__ is DomainError.__init__ and kind.code != DomainError.code
    }

    told = {code for code, detail in error_details().items() if detail}
    assert len(codes) > 20
    assert codes <= told == error_details().keys()


@pytest.mark.parametrize(
    "code", ["x", "Bad", "..", "a" * 80, "made_up", "domain_error"]
)
def test_what_is_no_code_is_not_found(client, db, code):
    assert client.get(f"/errors/{code}/").status_code == 404
