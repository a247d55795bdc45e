"""Fixtures that every app's tests share. Real engines, real tokens, no mocks."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from django.core.cache import cache
from django.db import connections
from django.test import RequestFactory
from django.test.testcases import LiveServerThread, _StaticFilesHandler
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.services.sign_in import start_session
from agents.models import Agent
from agents.policy.core.draft import parse_terms
from security.limits.core.config import DEFAULT_LIMITS, Limit, parse_limits
from tests.databases import (
    OWNER,
    PASSWORD,
    RUNTIME,
    connect_as,
    copied,
    migrate,
    working_in,
)
from tests.factories import SEED_POLICY, give_terms, make_agent
from tests.gate.costs import OWN_DATABASE
from tests.people import HASHERS, People, make_people, record_people

# Loaded here, before any test module is: what a module settles for its own properties
# starts from the profile. No deadline: how long an example takes says how busy the
# machine is. `make stress` names its profile, and a sample of the tests has its own.
hypothesis.settings.register_profile("gate", deadline=None, max_examples=25)
hypothesis.settings.register_profile("sample", deadline=None, max_examples=5)
hypothesis.settings.register_profile("stress", deadline=None, max_examples=400)
hypothesis.settings.load_profile("gate")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Collect without looking for garbage, because there is no garbage yet."""
    gc.disable()
    found = yield
    gc.freeze()
    gc.set_threshold(50_000)  # Reference counts free most objects.
    gc.enable()
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Announce a database to pytest-django that a fixture asks for."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "database" in names and "committed_db" not in names:
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = HASHERS


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Empty the limiter's store, so that no test spends another's bucket."""
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def static_files() -> Iterator[None]:
    """Look for static files once, where each client's middleware would do so."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files = found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session")
def administration() -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner's that makes and drops databases."""
    settings: Any = connections["default"].settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=OWNER,
        password=PASSWORD,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        yield connection


@pytest.fixture(scope="session")
def migrated(
    django_test_environment: None,
    administration: psycopg.Connection[Any],
    django_db_blocker: DjangoDbBlocker,
) -> str:
    """The name of a database with all tables and no rows, a template for others.

    The first worker that asks makes it, the others wait; the run drops it at its end.
    """
    name = f"{os.environ['TEST_DATABASES']}_migrated"
    administration.execute("SELECT pg_advisory_lock(1)")
    try:
        known = "SELECT FROM pg_database WHERE datname = %s"
        if not administration.execute(known, [name]).rowcount:
            with django_db_blocker.unblock():
                migrate(administration, name)
    finally:
        administration.execute("SELECT pg_advisory_unlock(1)")
    return name


@pytest.fixture(scope="session")
def django_db_setup(
    administration: psycopg.Connection[Any],
    migrated: str,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Make this worker's test database whenever a fixture asks for it.

    pytest-django's own looks for tests that name `db` themselves, and ours ask for
    people: without one that names it, tests would run in the real database.
    """
    with copied(migrated, administration) as name, working_in(name):
        connect_as(RUNTIME)
        with django_db_blocker.unblock():
            record_people()
        yield
        connect_as(OWNER)


@pytest.fixture(scope="module")
def template(migrated: str) -> str:
    """The name of what `committed_db` copies. A module may fill one for its tests."""
    return migrated


@pytest.fixture
def committed_db(
    django_db_setup: None,
    template: str,
    administration: psycopg.Connection[Any],
    django_db_blocker: DjangoDbBlocker,
    record_property: Callable[[str, object], None],
) -> Iterator[None]:
    """A database of this test's own, in which commits and threads are real.

    Cloned from a template and dropped afterwards; nothing is flushed, because the
    history tables refuse TRUNCATE. Not together with `db`.
    """
    record_property(OWN_DATABASE, True)  # noqa: FBT003 - a name and a value.
    with (
        copied(template, administration) as name,
        django_db_blocker.unblock(),
        working_in(name),
    ):
        yield


@pytest.fixture
def as_owner(committed_db: None) -> Iterator[None]:
    """Connect as the owner of the tables, who can drop what guards them."""
    connect_as(OWNER)
    yield
    connect_as(RUNTIME)


@pytest.fixture(params=[RUNTIME, OWNER])
def refusal(committed_db: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """As each of the two roles, the pattern of how history refuses a change."""
    connect_as(request.param)
    yield "are history" if request.param == OWNER else "permission denied|are history"
    connect_as(RUNTIME)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Any:
    """Whichever database the test asked for; the rolled-back one if it did not."""
    wanted = "committed_db" if "committed_db" in request.fixturenames else "db"
    return request.getfixturevalue(wanted)


@pytest.fixture
def people(database: Any) -> People:
    return make_people()


@pytest.fixture
def alice(people: People) -> Any:
    """An admin."""
    return people.alice


@pytest.fixture
def bob(people: People) -> Any:
    """The manager of team North."""
    return people.bob


@pytest.fixture
def carol(people: People) -> Any:
    """A user in team North."""
    return people.carol


@pytest.fixture
def dave(people: People) -> Any:
    """A user without a team."""
    return people.dave


@pytest.fixture
def eve(people: People) -> Any:
    """The manager of team South."""
    return people.eve


@pytest.fixture
def agent(people: People) -> Agent:
    """The example shopping agent: carol's, made by alice, so that bob may approve."""
    return make_agent(people.carol, acting=people.alice)


@pytest.fixture
def give_policy(people: People) -> Callable[..., Agent]:
    """Puts the example policy with other terms in force: give_policy(agent, …)."""

    def give(agent: Agent, **terms: Any) -> Agent:
        give_terms(agent, parse_terms({**SEED_POLICY, **terms}), acting=people.alice)
        agent.refresh_from_db()
        return agent

    return give


@pytest.fixture
def api(database: Any) -> Callable[..., APIClient]:
    """Makes API clients: api() is anonymous, api(token=…) carries a bearer token."""

    def make(*, token: str | None = None, **extra: Any) -> APIClient:
        client = APIClient(raise_request_exception=False, **extra)
        if token is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


@pytest.fixture
def client_for(api: Callable[..., APIClient]) -> Callable[..., APIClient]:
    """Makes a client with a real token of a real session: client_for(carol)."""

    def make(user: Any) -> APIClient:
        request = RequestFactory().post("/api/v1/auth/token/")
        pair = start_session(request=request, user=user)
        return api(token=pair.access)

    return make


@pytest.fixture
def slow_refill(settings: Settings) -> None:
    """The default bursts without refill, so that a busy machine changes nothing."""
    settings.RATE_LIMIT_CONFIG = {
        name: Limit(1, limit.burst_size) for name, limit in DEFAULT_LIMITS.items()
    }


@pytest.fixture
def spacious_limits(settings: Settings) -> None:
    """Limits that a test which is not about them will never meet."""
    ample = {"requests_per_minute": 100_000, "burst_size": 10_000}
    settings.RATE_LIMIT_CONFIG = parse_limits(
        {"default": ample, "auth": ample, "high_risk": ample}
    )


@pytest.fixture
def server(committed_db: None, spacious_limits: None) -> Iterator[str]:
    """Serve the platform from threads of this process; yields its address."""
    thread = LiveServerThread("127.0.0.1", _StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    assert thread.error is None
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()
    for connection in connections.all():
        connection.close()
