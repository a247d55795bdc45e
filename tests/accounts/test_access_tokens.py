"""Forged, foreign, stale and confused tokens: all of them 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory

from accounts import services, tokens
from accounts.models import User

ME = "/api/v1/me/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def access(carol: User) -> str:
    request = RequestFactory().post("/")
    return services.start_session(request=request, user=carol).access


@pytest.fixture
def status_of(api):
    def ask(token: str) -> int:
        response = api(token=token).get(ME)
        if response.status_code == 401:
            assert response["WWW-Authenticate"] == 'Bearer realm="api"'
        return response.status_code

    return ask


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict[str, Any], key: str = "", **headers: object) -> str:
    key = key or django_settings.JWT_SECRET_KEY
    kid = {"kid": tokens.key_id(django_settings.JWT_SECRET_KEY)}
    return jwt.encode(claims, key, "HS256", headers=kid | headers)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_real_token_opens_the_door(status_of, access: str):
    assert status_of(access) == 200
    assert status_of(signed(claims_of(access))) == 200


def test_claims_name_issuer_audience_person_session_and_kind(access: str, carol: User):
    claims = claims_of(access)

    assert claims["iss"] == "ai-agent-platform"
    assert claims["aud"] == "ai-agent-platform-api"
    assert claims["sub"] == carol.pk
    assert claims["sid"] == carol.sign_ins.get().pk
    assert claims["typ"] == "access"
    assert claims["exp"] - claims["iat"] == 3600
    assert len(claims["jti"]) == 32


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_b1_alg_none(status_of, access: str, algorithm: str, signature: str):
    kid = tokens.key_id(django_settings.JWT_SECRET_KEY)
    header = part({"alg": algorithm, "typ": "JWT", "kid": kid})

    assert status_of(f"{header}.{access.split('.')[1]}.{signature}") == 401


def test_b2_signature_stripped(status_of, access: str):
    header, payload, _ = access.split(".")

    assert status_of(f"{header}.{payload}.") == 401
    assert status_of(f"{header}.{payload}") == 401


def test_b2_signature_of_zeros(status_of, access: str):
    header, payload, _ = access.split(".")

    assert status_of(f"{header}.{payload}.{part(bytes(32))}") == 401


def test_b2_every_changed_bit_of_the_claims_is_noticed(status_of, access: str):
    header, _, signature = access.split(".")
    claims = claims_of(access) | {"sub": "usr_00000000000000000000000000"}

    assert status_of(f"{header}.{part(claims)}.{signature}") == 401


@pytest.mark.parametrize("key", ["secret", "changeme", " ", "x" * 32])
def test_b3_weak_or_foreign_secrets(status_of, access: str, key: str):
    header = part(
        {"alg": "HS256", "kid": tokens.key_id(django_settings.JWT_SECRET_KEY)}
    )
    body = f"{header}.{access.split('.')[1]}"
    mac = hmac.digest(key.encode(), body.encode(), hashlib.sha256)

    assert status_of(f"{body}.{part(mac)}") == 401


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "RS256", "ES256", "PS256"])
def test_b4_another_algorithm_is_refused(status_of, access: str, algorithm: str):
    kid = tokens.key_id(django_settings.JWT_SECRET_KEY)
    header = part({"alg": algorithm, "typ": "JWT", "kid": kid})
    body = f"{header}.{access.split('.')[1]}"
    digest = "sha512" if algorithm == "HS512" else "sha256"
    mac = hmac.digest(django_settings.JWT_SECRET_KEY.encode(), body.encode(), digest)

    assert status_of(f"{body}.{part(mac)}") == 401


@pytest.mark.parametrize(
    "kid",
    [
        "../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "",
        None,
        0,
        [],
        {"a": 1},
        "x" * 999,
    ],
)
def test_b5_kid_is_neither_path_nor_query(status_of, access: str, kid: object):
    header = part({"alg": "HS256", "typ": "JWT", "kid": kid})
    body = f"{header}.{access.split('.')[1]}"
    mac = hmac.digest(
        django_settings.JWT_SECRET_KEY.encode(), body.encode(), hashlib.sha256
    )

    assert status_of(f"{body}.{part(mac)}") == 401


def test_b6_keys_in_the_header_are_not_used(status_of, access: str):
    own = "attacker-key-attacker-key-attacker-key"
    jwk = {"kty": "oct", "k": part(own.encode())}

    claims = claims_of(access)
    assert status_of(signed(claims, own, jwk=jwk)) == 401
    assert status_of(signed(claims, own, jku="https://evil.example/keys")) == 401
    assert status_of(signed(claims, own, x5u="https://evil.example/cert")) == 401


def test_b6_an_unknown_critical_header_is_refused(status_of, access: str):
    token = signed(claims_of(access), crit=["x-policy"], **{"x-policy": "open"})

    assert status_of(token) == 401


def test_b7_an_agents_token_is_not_a_persons(status_of, access: str):
    assert status_of(signed(claims_of(access) | {"typ": "agent"})) == 401
    assert status_of(signed(claims_of(access) | {"typ": "refresh"})) == 401
    assert status_of(signed(claims_of(access) | {"typ": ["access"]})) == 401


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-api"},
        {"aud": ["another-api"]},
        {"iss": "another-platform"},
        {"sub": "usr_00000000000000000000000000"},
        {"sub": ""},
        {"sid": "ses_00000000000000000000000000"},
        {"sid": None},
        {"sid": "x\x00"},
        {"sid": 5},
        {"exp": "tomorrow"},
        {"exp": 10**400},
        {"exp": None},
    ],
)
def test_b8_wrong_claims(status_of, access: str, change: dict[str, object]):
    assert status_of(signed(claims_of(access) | change)) == 401


@pytest.mark.parametrize("name", tokens.REQUIRED_CLAIMS)
def test_b8_missing_claims(status_of, access: str, name: str):
    claims = claims_of(access)
    del claims[name]

    assert status_of(signed(claims)) == 401


def test_b8_tokens_of_the_future(status_of, access: str):
    now = int(time.time())

    assert status_of(signed(claims_of(access) | {"nbf": now + 60})) == 401
    assert status_of(signed(claims_of(access) | {"iat": now + 60})) == 401


def test_b9_expired_a_second_beyond_the_leeway(status_of, access: str):
    now = int(time.time())

    assert status_of(signed(claims_of(access) | {"exp": now - 6})) == 401
    assert status_of(signed(claims_of(access) | {"exp": now - 3})) == 200


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "." * 9000,
        "x" * 9000,
        "eyJhbGciOiJIUzI1NiJ9..",
        "{}",
        f"{part(b'[' * 740)}.e30.",
        f"{part({'alg': 'HS256'})}.{part(b'[' * 600)}.",
        f"{part({'alg': 'HS256'})}.{part(b'9' * 600)}.",
    ],
)
def test_nonsense_is_refused(status_of, db: None, token: str):
    assert status_of(token) == 401


def test_b21_an_old_key_verifies_until_it_is_retired(status_of, access: str, settings):
    old = settings.JWT_SECRET_KEY
    settings.JWT_SECRET_KEY = "n" * 48
    settings.JWT_PREVIOUS_SECRET_KEYS = [old]
    assert status_of(access) == 200

    settings.JWT_PREVIOUS_SECRET_KEYS = []

    assert status_of(access) == 401


def test_b21_the_new_key_signs(carol: User, settings):
    settings.JWT_PREVIOUS_SECRET_KEYS = [settings.JWT_SECRET_KEY]
    settings.JWT_SECRET_KEY = "n" * 48
    request = RequestFactory().post("/")

    token = services.start_session(request=request, user=carol).access

    assert jwt.get_unverified_header(token) == {
        "alg": "HS256",
        "typ": "JWT",
        "kid": tokens.key_id("n" * 48),
    }


def test_authenticating_takes_one_query(
    api, access: str, carol: User, django_assert_num_queries
):
    client = api(token=access)

    # The second one is the answer's: her team.
    with django_assert_num_queries(2):
        client.get(ME)
