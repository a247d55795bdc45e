"""Where one person runs the platform, every page says that four eyes are off (C15)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from pytest_django.fixtures import Settings

from tests.access.routes import all_routes
from tests.access.table import ADMIN, ANONYMOUS, MANAGER, rows
from tests.access.walk import API, OWN_OBJECT
from tests.access.world import World, make_world
from tests.rollback import rolled_back

TOLD = "Four eyes are off (FOUR_EYES=false): one person decides alone."
DOCS = "api/docs/"


@pytest.fixture
def world(db: None, spacious_limits: None, settings: Settings) -> World:
    world = make_world()
    settings.FOUR_EYES = False
    return world


def pages() -> list[str]:
    """Return the pattern of every page; what asks for a token is for machines."""
    return [
        pattern
        for pattern, row in rows().items()
        if "GET" in row.who and not pattern.startswith(API)
    ]


def is_page(answer: Any) -> bool:
    kind = answer.headers.get("Content-Type", "")
    is_sent_away = 300 <= answer.status_code < 400 or "WWW-Authenticate" in answer
    return kind.startswith("text/html") and not is_sent_away


def test_c15_every_page_says_so(world: World):
    """It opens every page there is, as three kinds of people, in one world."""
    silent, told = [], set()

    for pattern in pages():
        address = all_routes()[pattern].address(world.objects[OWN_OBJECT])
        for who in (ADMIN, MANAGER, ANONYMOUS):
            with rolled_back():
                answer = world.browsers[who].get(f"{address}?{rows()[pattern].query}")
            if not is_page(answer):
                continue
            if TOLD in answer.content.decode():
                told.add(pattern)
            else:
                silent.append(f"/{pattern} to {who}: {answer.status_code}")

    assert not silent, "\n".join(silent)
    assert DOCS in told
    assert len(told) > 100


@pytest.mark.parametrize(
    ("address", "status"),
    [("/nowhere/", 404), ("/approvals/?dry_run=1", 400), ("/livez/x", 404)],
)
def test_c15_pages_of_errors_say_so_too(world: World, address: str, status: int):
    answer = world.browsers[ADMIN].get(address)

    assert answer.status_code == status
    assert TOLD in answer.content.decode()


def test_c15_so_does_the_page_of_a_part_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def away(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise DatabaseError

    monkeypatch.setattr("transactions.approvals.views.waiting_for", away)
    answer = world.browsers[ADMIN].get("/approvals/")

    assert answer.status_code == 500
    assert TOLD in answer.content.decode()


def test_with_four_eyes_no_page_says_that_they_are_off(
    world: World, settings: Settings
):
    settings.FOUR_EYES = True

    for address in (f"/{DOCS}", "/approvals/", "/admin/"):
        answer = world.browsers[ADMIN].get(address)
        assert answer.status_code == 200
        assert "Four eyes" not in answer.content.decode()
