"""G1, G2, G7, G8: what a copy of the database or the logs gives away, and the start."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.exceptions import FieldError
from django.db import connection

from platform_site.logs import JsonFormatter
from platform_site.run.supervisor import BASE_DIR
from security.encryption.fields import EncryptedTextField
from security.notifications.services.contacts import set_contact
from tests.factories import make_agent, make_agent_token, make_credential
from tests.people import PASSWORD, SETUP
from tests.second_factors import code_of, enrol_app, recovery_codes

PHONE = "+1-555-7301"
CARD = "4111111111111111"
TOKEN = "/api/v1/auth/token/"
ENCRYPTED = [
    (model, field.name)
    for model in apps.get_models()
    for field in model._meta.fields
    if isinstance(field, EncryptedTextField)
]


def dump() -> str:
    """Return every row of every table as text, as a dump or a stolen file has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = 'public'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608 - ours.
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


@pytest.fixture
def secrets_in_use(people, api, spacious_limits) -> dict[str, str]:
    """Lets every kind of secret be made and used; returns them by what they are."""
    set_contact("primary", acting=SETUP, name="Ada", email="a@b.co", phone=PHONE)
    people.carol.phone = PHONE
    people.carol.save(update_fields=["phone"])
    agent = make_agent(people.carol, acting=people.alice)
    issued = make_credential(agent, acting=people.alice)
    pair = api().post(TOKEN, {"username": "carol", "password": PASSWORD}).json()
    app = enrol_app(people.bob)
    codes = recovery_codes(people.bob)
    proof = {"username": "bob", "password": PASSWORD, "otp": code_of(app)}
    assert api().post(TOKEN, proof).status_code == 200
    agent_token = make_agent_token(agent, acting=people.alice)
    asked = api(token=agent_token).post(
        "/api/v1/transactions/",
        {
            "amount": "5.00",
            "currency": "USD",
            "merchant": "Amazon",
            "category": "books",
            "description": f"card {CARD} password={PASSWORD[:7]}",
        },
        headers={"Idempotency-Key": "one"},
    )
    assert asked.status_code == 201
    return {
        "phone": PHONE,
        "password": PASSWORD,
        "client secret": issued.client_secret,
        "signing secret": issued.signing_secret,
        "access token": pair["access"],
        "refresh token": pair["refresh"],
        "agent token": agent_token,
        "authenticator secret": app,
        "recovery code": codes[0],
        "card": CARD,
    }


def test_g1_a_dump_of_all_tables_holds_no_secret(secrets_in_use):
    text = dump()

    # Binary columns read as hexadecimal digits.
    found = [
        what
        for what, secret in secrets_in_use.items()
        if secret in text or secret.encode().hex() in text
    ]

    assert found == []
    assert "carol@example.com" in text
    assert b"gAAAA".hex() in text
    assert Authenticator.objects.count() == 2


def test_g2_the_logs_of_all_that_hold_no_secret(caplog, request):
    caplog.set_level(logging.DEBUG)
    known = request.getfixturevalue("secrets_in_use")
    logging.getLogger("x").warning("Authorization: Bearer %s", known["agent token"])

    lines = "\n".join(JsonFormatter().format(one) for one in caplog.records)

    assert "Authorization: Bearer ****" in lines
    assert [what for what, secret in known.items() if secret in lines] == []


@pytest.mark.parametrize("key", [None, "", "short", "x" * 44])
def test_g7_production_does_not_start_without_an_encryption_key(key):
    environ = os.environ | {
        "ENVIRONMENT": "production",
        "BASE_URL": "https://example.com",
        "TRUSTED_PROXIES": "none",
        "AUDIT_ORIGIN": "example.com/audit",
    }
    del environ["ENCRYPTION_KEY"]
    if key is not None:
        environ["ENCRYPTION_KEY"] = key

    started = subprocess.run(
        [sys.executable, "-c", "import platform_site.wsgi"],
        env=environ,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert started.returncode != 0
    assert "ENCRYPTION_KEY" in started.stderr
    assert environ["SECRET_KEY"] not in started.stderr


def test_g7_with_a_key_production_starts():
    environ = os.environ | {
        "ENVIRONMENT": "production",
        "BASE_URL": "https://example.com",
        "TRUSTED_PROXIES": "none",
        "AUDIT_ORIGIN": "example.com/audit",
    }

    started = subprocess.run(
        [sys.executable, "-c", "import platform_site.wsgi"],
        env=environ,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert (started.returncode, started.stderr) == (0, "")


@pytest.mark.parametrize(("model", "name"), ENCRYPTED)
@pytest.mark.parametrize(
    "lookup",
    [
        "",
        "__exact",
        "__iexact",
        "__in",
        "__contains",
        "__startswith",
        "__gt",
        "__range",
        "__regex",
        "__length",
    ],
)
def test_g8_no_encrypted_column_can_be_looked_up(model, name, lookup):
    value = ["x", "y"] if lookup in ("__in", "__range") else "x"

    with pytest.raises(FieldError):
        model._base_manager.filter(**{name + lookup: value})


def test_g8_the_columns_that_are_encrypted():
    assert sorted(f"{model._meta.label_lower}.{name}" for model, name in ENCRYPTED) == [
        "accounts.user.phone",
        "agents.agentcredential.signing_secret",
        "security.securitycontact.phone",
    ]
