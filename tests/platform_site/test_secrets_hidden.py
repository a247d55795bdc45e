"""G10: no report, no repr and no log line shows a secret."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

import accounts
import agents
import audit
import platform_site
import security
import transactions
from accounts.models import Session, User
from agents.models import AgentCredential
from security.fields import EncryptedTextField
from security.models import SecurityContact

HUSH = "hush-hush-0123456789"
SECRET = re.compile("secret|password|token|refresh|access|phone|cookie", re.I)
# Names that only sound like one: nobody gets in with these.
HARMLESS = {"token_urlsafe", "policy_access"}
ROOMS = (platform_site, transactions, agents, accounts, security, audit)


def report(request: WSGIRequest) -> str:
    """Return the page, and the text, that an error in the midst of secrets makes."""
    password = client_secret = HUSH
    body = {"otp": HUSH, "nested": {"signing_secret": HUSH}}
    try:
        raise ValueError(f"no secret here {len(body)} {len(password + client_secret)}")
    except ValueError:
        reporter = ExceptionReporter(request, *sys.exc_info())
        return reporter.get_traceback_html() + reporter.get_traceback_text()


@pytest.mark.parametrize("debug", [True, False])
def test_g10_an_error_report_shows_no_secret(settings: Any, debug: bool):
    settings.DEBUG = debug
    request = RequestFactory().post(
        "/accounts/login/",
        {"username": "carol", "password": HUSH},
        headers={"Authorization": f"Bearer {HUSH}", "Cookie": f"__Host-access={HUSH}"},
    )

    shown = report(request)

    assert "no secret here" in shown
    assert HUSH not in shown.replace("HUSH", "")


def test_g10_nor_any_key_or_address_of_the_settings(settings: Any):
    settings.DEBUG = True
    hidden = {
        "DATABASE_URL": "postgresql://platform:hush-db@db/platform",
        "REDIS_URL": "redis://:hush-redis@valkey/0",
        "CELERY_BROKER_URL": "redis://:hush-redis@valkey/1",
        "EMAIL_HOST_PASSWORD": "hush-mail",
        "OIDC_CLIENT_SECRET": "hush-oidc",
    }
    for name, text in hidden.items():
        setattr(settings, name, text)
    kept = (settings.SECRET_KEY, settings.JWT_SECRET_KEY, settings.ENCRYPTION_KEY)

    shown = report(RequestFactory().get("/"))

    assert "ROOT_URLCONF" in shown
    assert "hush-" not in shown.replace(HUSH, "")
    for key in kept:
        assert key not in shown


def dataclasses_of_ours() -> set[Any]:
    found = set()
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if module.name.endswith((".__main__", "_server")):
                continue
            for _, it in inspect.getmembers(importlib.import_module(module.name)):
                if dataclasses.is_dataclass(it) and it.__module__ == module.name:
                    found.add(it)
    return found


def test_g10_no_dataclass_shows_a_secret_in_its_repr():
    shown = {
        f"{kind.__module__}.{kind.__qualname__}.{field.name}"
        for kind in dataclasses_of_ours()
        for field in dataclasses.fields(kind)
        if SECRET.search(field.name)
        and field.repr
        and field.type in ("str", "bytes", "str | None")
    }

    assert {name for name in shown if name.rpartition(".")[2] not in HARMLESS} == set()


def test_g10_no_model_shows_a_secret_in_its_repr():
    session = Session(refresh_hash=HUSH, user=User(username="carol", phone=HUSH))
    rows = [
        session,
        session.user,
        AgentCredential(secret_hash=HUSH, signing_secret=HUSH),
        SecurityContact(name="Ada", phone=HUSH),
    ]
    encrypted = {
        model
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    }

    assert encrypted <= {type(row) for row in rows}
    for row in rows:
        assert HUSH not in f"{row!r} {row}"
    assert settings.ENCRYPTION_KEY not in repr(settings)
