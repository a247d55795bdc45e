"""G10: what an exception, a repr or the debug page may show of secrets: nothing."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import logging
import re
import sys

import pytest
from django.conf import settings as live_settings
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from agents.models import AgentCredential
from audit.base.core.masking import HIDDEN
from platform_site.logs import JsonFormatter
from platform_site.reports import ValueHidingFilter
from security.encryption.fields import Sealed
from tests.browsing import sign_in
from tests.factories import make_agent, make_credential
from tests.house.source import APPS, ROOT, python_files
from tests.people import PASSWORD

SECRET = "s3cr3t-that-nobody-may-see"
SETTINGS = (
    "SECRET_KEY",
    "JWT_SECRET_KEY",
    "ENCRYPTION_KEY",
    "EMAIL_HOST_PASSWORD",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "OIDC_CLIENT_SECRET",
)
IS_SECRET_NAME = re.compile(
    r"(password|secret|otp|phone|access|refresh|signing_key|token|(database|owner|redis)_url)\Z"
)


@dataclasses.dataclass
class Holder:
    api_value: str


def fail_holding(value: str) -> None:
    plain, nested, holder = value, {"deep": [value]}, Holder(value)
    raise ValueError(f"{len(plain)} {len(nested)} {bool(holder)}")


def report(text: bool, **extra: object) -> str:
    request = RequestFactory().post(
        "/accounts/login/",
        {"password": SECRET, "harmless": SECRET},
        headers={"authorization": f"Bearer {SECRET}", "x-signature": SECRET},
    )
    request.COOKIES = {"theme": SECRET, "session": SECRET}
    try:
        fail_holding(SECRET)
    except ValueError:
        reporter = ExceptionReporter(request, *sys.exc_info())
    return reporter.get_traceback_text() if text else reporter.get_traceback_html()


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("is_text", [True, False])
def test_g10_a_report_of_an_exception_shows_names_and_no_values(
    settings, debug, is_text
):
    settings.DEBUG = debug
    settings.DATABASE_URL = f"postgresql://me:{SECRET}@host/name"
    settings.ENCRYPTION_PREVIOUS_KEYS = [SECRET]
    settings.CACHES = {"default": {"LOCATION": f"redis://:{SECRET}@host/0"}}

    told = report(is_text)

    assert "fail_holding" in told
    assert "DATABASE_URL" in told
    assert SECRET not in told
    assert is_text or "(Holder, hidden)" in told


@pytest.mark.parametrize("name", SETTINGS)
def test_g10_the_settings_that_hold_secrets_are_hidden(settings, name):
    setattr(settings, name, SECRET)

    shown = ValueHidingFilter().get_safe_settings()

    assert shown[name] == ValueHidingFilter.cleansed_substitute
    assert SECRET not in str(shown)


def test_g10_the_filter_is_the_one_in_use():
    assert (
        f"{ValueHidingFilter.__module__}.{ValueHidingFilter.__qualname__}"
    ) == live_settings.DEFAULT_EXCEPTION_REPORTER_FILTER
    assert not live_settings.DEBUG


@pytest.mark.parametrize("debug", [True, False])
def test_g10_a_page_that_fails_shows_no_secret(settings, people, monkeypatch, debug):
    settings.DEBUG = debug
    client = Client(raise_request_exception=False)
    sign_in(client, people.alice)
    monkeypatch.setattr(
        "accounts.views.queries.live_sessions", lambda *_, **__: fail_holding(SECRET)
    )

    answer = client.get("/accounts/sessions/")

    assert answer.status_code == 500
    assert ("fail_holding" in answer.content.decode()) is debug
    assert SECRET not in answer.content.decode()
    for name in ("SECRET_KEY", "JWT_SECRET_KEY", "ENCRYPTION_KEY"):
        assert getattr(settings, name) not in answer.content.decode()
    assert client.cookies["session"].value not in answer.content.decode()


def test_g10_a_log_line_of_an_exception_shows_no_locals():
    try:
        fail_holding(SECRET)
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "It failed.", (), sys.exc_info()
        )

    line = json.loads(JsonFormatter().format(record))

    assert "fail_holding" in line["exception"]
    assert SECRET not in json.dumps(line)


def dataclasses_of_the_project() -> list[type]:
    modules = [
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for path in python_files(*APPS)
        if path.name not in ("__init__.py", "__main__.py", "wsgi.py", "web_server.py")
    ]
    return [
        one
        for module in modules
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__ and dataclasses.is_dataclass(one)
    ]


def test_g10_no_dataclass_tells_a_secret_in_its_repr():
    found = dataclasses_of_the_project()

    telling = [
        f"{one.__qualname__}.{field.name}"
        for one in found
        for field in dataclasses.fields(one)
        if field.repr
        and IS_SECRET_NAME.search(field.name)
        and field.type in ("str", "bytes")
    ]

    assert len(found) > 40
    assert telling == []


def test_g10_objects_that_hold_secrets_do_not_tell_them(people):
    agent = make_agent(people.carol, acting=people.alice)
    issued = make_credential(agent, acting=people.alice)
    people.carol.phone = SECRET
    row = AgentCredential.objects.get(pk=issued.id)
    assert row.signing_secret == issued.signing_secret

    told = repr([issued, row, people.carol, people, Sealed(SECRET.encode())])

    for secret in (
        issued.client_secret,
        issued.signing_secret,
        row.secret_hash,
        people.carol.password,
        PASSWORD,
        SECRET,
    ):
        assert secret not in told
    assert HIDDEN not in told
