"""The keys of receipts: published for everybody, refused if they are not keys."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from platform_site.checks import check_receipt_keys
from platform_site.run.keys import new_key
from platform_site.run.supervisor import BASE_DIR
from tests.spending import everything
from transactions.evidence.keys import signing_key

PATH = "/.well-known/jwks.json"
# RFC 8037, appendix A.
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


@pytest.mark.django_db
def test_everybody_can_fetch_and_keep_the_public_keys(client, settings):
    settings.RECEIPT_PREVIOUS_PUBLIC_KEYS = [X]
    before = everything()

    answer = client.get(PATH)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/jwk-set+json"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    present, previous = answer.json()["keys"]
    assert present == signing_key().public.as_jwk()
    assert previous["x"] == X
    assert not {"d", "k"} & {*present, *previous}
    assert settings.RECEIPT_SIGNING_KEY not in answer.content.decode()
    assert client.post(PATH).status_code == 405
    assert not answer.cookies
    assert everything() == before


def test_good_keys_pass(settings):
    settings.RECEIPT_SIGNING_KEY = new_key("RECEIPT_SIGNING_KEY")
    settings.RECEIPT_PREVIOUS_PUBLIC_KEYS = [X]

    assert check_receipt_keys(None) == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RECEIPT_SIGNING_KEY", "unset", "RECEIPT_SIGNING_KEY"),
        ("RECEIPT_SIGNING_KEY", "", "32 bytes"),
        ("RECEIPT_SIGNING_KEY", "c2hvcnQ=", "32 bytes"),
        ("RECEIPT_SIGNING_KEY", "\u00e4", "not Base64"),
        ("RECEIPT_PREVIOUS_PUBLIC_KEYS", ["A" * 43], "not an Ed25519 public key"),
        ("RECEIPT_PREVIOUS_PUBLIC_KEYS", ["!"], "not Base64url"),
    ],
)
def test_what_is_no_key_is_told(settings, name, value, told):
    setattr(settings, name, value)

    [error] = check_receipt_keys(None)

    assert error.id == "platform.E015"
    assert told in error.msg


def test_the_key_of_the_log_signs_no_receipts(settings):
    settings.RECEIPT_SIGNING_KEY = settings.AUDIT_SIGNING_KEY

    [error] = check_receipt_keys(None)

    assert error.id == "platform.E015"
    assert error.msg == "RECEIPT_SIGNING_KEY must not be AUDIT_SIGNING_KEY."


@pytest.mark.parametrize("key", [None, "c2hvcnQ="])
def test_production_does_not_start_without_a_key(key):
    environ = {
        name: value for name, value in os.environ.items() if "RECEIPT" not in name
    }
    environ |= {
        "ENVIRONMENT": "production",
        "BASE_URL": "https://platform.example.com",
        "TRUSTED_PROXIES": "none",
        "AUDIT_ORIGIN": "platform.example.com/audit",
    }
    if key is not None:
        environ["RECEIPT_SIGNING_KEY"] = key

    done = subprocess.run(
        [sys.executable, "-c", "import platform_site.wsgi"],
        cwd=BASE_DIR,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode != 0
    assert "RECEIPT_SIGNING_KEY" in done.stderr.splitlines()[-1]
