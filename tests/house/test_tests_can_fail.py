"""No test is written so that it cannot fail; what is looked for is in weak_tests.py."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from django.db import connection

from tests.house.source import python_files
from tests.house.weak_tests import MAYBE_EMPTY, MAYBE_NO_PAGE, ONE_STATUS, weaknesses


def test_no_test_is_true_whatever_the_product_does():
    files = python_files("tests")
    weak = {path: weaknesses(path.read_text()) for path in files}

    assert Path(__file__) in files
    assert {str(path): found for path, found in weak.items() if found} == {}


def messages_of(source: str) -> list[str]:
    return [weakness.message for weakness in weaknesses(source)]


def messages(body: str) -> list[str]:
    """Return what is wrong with a test of these statements."""
    indented = [f"    {line}" for line in dedent(body).strip().splitlines()]
    return messages_of("\n".join(["def test_it(fixture, page):", *indented]))


@pytest.mark.parametrize(
    "assertion",
    [
        "assert page.status_code in (404, 405)",
        "assert page.status_code not in {500}",
        "assert page.status_code != 200",
        "assert page.status_code < 500",
        "assert 200 <= page.status_code < 300",
        "assert page.status_code == 200 or page.status_code == 404",
        "assert fixture == 1 or page.status_code == 404",
        "status = page.status_code\nassert status in (404, 405)",
    ],
)
def test_an_assertion_on_a_status_names_one(assertion: str):
    assert messages(assertion) == [ONE_STATUS]


@pytest.mark.parametrize(
    "assertion",
    [
        "assert page.status_code == 404",
        "assert (page.status_code, fixture) == (404, 1)",
        "assert page.status_code == (405 if fixture else 404)",
        "assert [one.status_code for one in fixture] == [200, 429]",
        "assert fixture in (1, 2)",
    ],
)
def test_one_status_may_be_asserted_in_any_way(assertion: str):
    assert messages(assertion) == []


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ("assert all(one.is_good for one in fixture)", "fixture"),
        ("assert not any(one.is_bad for one in fixture)", "fixture"),
        ("assert fixture.count and all(one for one in page.rows())", "page.rows()"),
        ("found = [x for x in fixture if x]\nassert all(found)", "found"),
        ("found = []\nassert all(found)", "found"),
        ("for one in fixture:\n    assert one.is_good", "fixture"),
        ("for one in sorted(fixture.items()):\n    assert one.is_good", "fixture"),
        ("for one in fixture:\n    with pytest.raises(Odd):\n        one()", "fixture"),
        ("for one in []:\n    assert one.is_good", "[]"),
    ],
)
def test_what_is_true_of_nothing_is_no_assertion(body: str, source: str):
    assert messages(body) == [MAYBE_EMPTY.format(source)]


@pytest.mark.parametrize(
    "body",
    [
        "assert fixture\nassert all(one.is_good for one in fixture)",
        "assert len(fixture) == 3\nassert not any(one.is_bad for one in fixture)",
        "assert sorted(fixture) == [1]\nfor one in fixture:\n    assert one.is_good",
        "assert all(one.is_good for one in (fixture, page))",
        "assert all(fixture.passes(number) for number in range(20))",
        "found = [page.get(x) for x in (1, 2)]\nassert all(found)",
        "for name, one in zip('ab', (1, 2), strict=True):\n    assert one",
        "for one in METHODS:\n    assert one.is_good",
        "for one in fixture:\n    assert one.is_good\nassert page.is_good",
        "for one in fixture:\n    one.go()\nassert page.is_good",
        "for one in fixture:\n    assert one\nfor one in (1, 2):\n    assert page(one)",
        "assert any(one.is_good for one in fixture)",
    ],
)
def test_what_visibly_has_items_may_be_gone_through(body: str):
    assert messages(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "assert b'x' not in page.content",
        "assert 'x' not in page.content.decode()",
        "assert fixture.count == 1\nassert 'x' not in page.content.decode()",
    ],
)
def test_a_page_without_a_text_might_be_no_page(body: str):
    assert messages(body) == [MAYBE_NO_PAGE]


@pytest.mark.parametrize(
    "body",
    [
        "assert page.status_code == 200\nassert b'x' not in page.content",
        "assert b'y' in page.content\nassert b'x' not in page.content",
        "assert b'x' not in fixture.rows",
    ],
)
def test_a_page_that_says_something_may_be_without_a_text(body: str):
    assert messages(body) == []


def test_a_property_test_goes_through_what_was_drawn():
    body = "for one in drawn:\n        assert one.status_code < 500"
    drawn = f"def test_it(drawn):\n    {body}"

    assert messages_of(drawn) == [MAYBE_EMPTY.format("drawn"), ONE_STATUS]
    assert messages_of(f"@given(drawn=st.lists(pages))\n{drawn}") == []
    other = f"@pytest.mark.parametrize('given', [1])\n{drawn}"
    assert messages_of(other) == messages_of(drawn)


def test_a_function_inside_knows_what_is_asserted_around_it():
    inside = (
        "    def look():\n        assert all(one.is_good for one in page)\n    look()"
    )

    assert messages_of(f"def test_it(page):\n{inside}") == [MAYBE_EMPTY.format("page")]
    assert messages_of(f"def test_it(page):\n    assert page\n{inside}") == []


def test_a_test_that_asks_for_no_database_reaches_none(django_db_setup):
    """What it wrote would stay for the worker's other tests."""
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.cursor()
