"""E3: a body that is not one strict JSON object is refused, and writes nothing."""

from __future__ import annotations

import pytest

from tests.flows.requests import SEED, app_rows, post_raw, problem

pytestmark = pytest.mark.usefixtures("spacious_limits")

# All that a request needs but the amount, so that nothing else is wrong with it.
REST = b'"merchant": "Amazon", "category": "books"'
WHOLE = b'{"amount": 1, %s}' % REST


def test_a_request_that_is_not_damaged_is_taken(shopper):
    assert post_raw(shopper, WHOLE).status_code == 201


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"[" * 200_000, "This is nested deeper than 32 levels."),
        (
            b'{"amount": 1, %s, "metadata": %s1%s}'
            % (REST, b'{"a":' * 1_000, b"}" * 1_000),
            "This is nested deeper than 32 levels.",
        ),
        (b'{"amount": NaN, %s}' % REST, "NaN is not JSON."),
        (b'{"amount": Infinity, %s}' % REST, "Infinity is not JSON."),
        (b'{"amount": 1e999999999, %s}' % REST, "A number is out of range."),
        (
            b'{"amount": 1, "amount": 2, %s}' % REST,
            "An object has the same key twice.",
        ),
        (
            b'{"amount": %s, %s}' % (b"9" * 5_000, REST),
            "A number has more than 40 digits.",
        ),
        (WHOLE.replace(b"Amazon", b"\xff\xfe"), "This is not UTF-8."),
        (WHOLE.decode().encode("utf-16"), "This starts with a byte order mark."),
        (
            WHOLE.replace(b"Amazon", rb"\ud800"),
            "A text contains half of a surrogate pair.",
        ),
        (WHOLE.replace(b"Amazon", rb"Ama\u0000zon"), "A text contains NUL."),
        (WHOLE + b" x", "This is not JSON: Extra data at line 1, column 58."),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_e3_what_is_no_strict_json_is_refused_and_writes_nothing(shopper, raw, told):
    before = app_rows()

    response = post_raw(shopper, raw)

    problem(response, 400, "parse_error")
    assert response.json()["detail"] == told
    assert app_rows() == before


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        (b"", {(f"/{name}", "required") for name in SEED}),
        (b"null", {("", "null")}),
        (b"[]", {("", "invalid")}),
        (b'"text"', {("", "invalid")}),
        (b"7", {("", "invalid")}),
    ],
)
def test_e3_what_is_no_object_is_refused_and_writes_nothing(shopper, raw, errors):
    before = app_rows()

    response = post_raw(shopper, raw)

    assert problem(response, 400, "invalid_request") == errors
    assert app_rows() == before


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (
            b"amount=1&merchant=Amazon&category=books",
            "application/x-www-form-urlencoded",
        ),
        (b"<amount>1</amount>", "application/xml"),
        (WHOLE, "text/plain"),
    ],
)
def test_e3_what_is_not_sent_as_json_is_refused_and_writes_nothing(
    shopper, raw, content_type
):
    before = app_rows()

    response = post_raw(shopper, raw, content_type)

    problem(response, 415, "unsupported_media_type")
    assert app_rows() == before


def test_e3_a_body_of_ten_megabytes_is_refused_and_writes_nothing(shopper):
    before = app_rows()

    response = post_raw(shopper, WHOLE[:-1] + b" " * 10 * 1024 * 1024 + b"}")

    problem(response, 413, "too_large")
    assert app_rows() == before
