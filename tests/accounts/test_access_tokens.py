"""Forged, foreign, stale and confused tokens: all of them 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import RequestFactory

from accounts import tokens
from accounts.errors import TokenRefused
from accounts.models import User
from accounts.services.sign_in import start_session
from accounts.tokens import AgentAccess, PersonAccess
from tests.accounts.key_server import KeyServer, serving_keys
from tests.factories import make_agent, make_agent_token

ME = "/api/v1/me/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def stopped_clock() -> Iterator[int]:
    """Stop the clock at a full second; yields it as claims count time."""
    with time_machine.travel(NOW, tick=False):
        yield int(NOW.timestamp())


def token_of(person: User) -> str:
    request = RequestFactory().post("/")
    return start_session(request=request, user=person).access


@pytest.fixture
def access(carol: User) -> str:
    return token_of(carol)


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


OUR_KID = tokens.key_id(django_settings.JWT_SECRET_KEY)
ATTACKERS_KEY = "attacker-key-attacker-key-attacker-key"
ATTACKERS_JWK = {"kty": "oct", "alg": "HS256", "k": part(ATTACKERS_KEY.encode())}


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


def test_b2_no_other_good_claims_go_with_the_signature(
    status_of, access: str, dave: User
):
    """Nothing but the signature is wrong: signed by us, each of them opens."""
    header, _, signature = access.split(".")
    own, theirs = claims_of(access), claims_of(token_of(dave))
    for claims in (theirs, own | {"jti": "0" * 32}, own | {"exp": own["exp"] + 1}):
        assert status_of(signed(claims)) == 200

        assert status_of(f"{header}.{part(claims)}.{signature}") == 401


def test_b2_every_changed_bit_of_the_claims_is_noticed(access: str):
    header, payload, signature = access.split(".")
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    accepted, readable = [], 0

    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        forged = f"{header}.{part(bytes(changed))}.{signature}"
        readable += bool(tokens.claimed_type(forged))
        try:
            accepted.append((bit, tokens.decode(forged, PersonAccess)))
        except TokenRefused:
            continue

    assert accepted == []
    assert readable > 1_000  # Else JSON, and not the signature, refused them.
    assert tokens.decode(access, PersonAccess).payload == json.loads(raw)


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
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(algorithm, "sha256")
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


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    """Serve the attacker's keys, under a name of theirs and under ours."""
    with serving_keys([ATTACKERS_JWK | {"kid": kid} for kid in ("own", OUR_KID)]) as it:
        yield it


def test_b6_the_key_server_can_be_reached(key_server):
    keys = jwt.PyJWKClient(f"{key_server.address}/keys").get_jwk_set().keys

    assert [key.key_id for key in keys] == ["own", OUR_KID]
    assert key_server.asked == ["/keys"]


@pytest.mark.parametrize("kid", ["own", OUR_KID])
def test_b6_keys_in_the_header_are_not_used(
    status_of, access: str, key_server, kid: str
):
    address, claims = key_server.address, claims_of(access)
    for header in (
        {"jwk": ATTACKERS_JWK},
        {"jku": f"{address}/keys"},
        {"x5u": f"{address}/cert"},
    ):
        assert status_of(signed(claims, ATTACKERS_KEY, kid=kid, **header)) == 401

    assert key_server.asked == []


def test_b6_an_unknown_critical_header_is_refused(status_of, access: str):
    token = signed(claims_of(access), crit=["x-policy"], **{"x-policy": "open"})

    assert status_of(token) == 401


@pytest.mark.parametrize("kind", ["agent", "refresh", ["access"]])
def test_b7_a_token_of_another_kind_is_not_a_persons(
    status_of, access: str, kind: object
):
    token = signed(claims_of(access) | {"typ": kind})

    assert status_of(token) == 401
    # An agent's is looked up elsewhere; here it is taken for a person's.
    with pytest.raises(TokenRefused):
        tokens.decode(token, PersonAccess)


def test_b7_an_agents_own_token_is_not_a_persons(status_of, alice: User, carol: User):
    token = make_agent_token(make_agent(carol, acting=alice), acting=alice)

    assert tokens.decode(token, AgentAccess).subject
    with pytest.raises(TokenRefused):
        tokens.decode(token, PersonAccess)
    assert status_of(token) == 403


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


def test_b8_a_session_of_somebody_else_is_not_ones_own(
    status_of, access: str, dave: User
):
    own, theirs = claims_of(access), claims_of(token_of(dave))

    assert status_of(signed(own | {"sub": theirs["sub"]})) == 401
    assert status_of(signed(own | {"sid": theirs["sid"]})) == 401
    assert status_of(signed(theirs)) == 200


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_b8_tokens_of_the_future_beyond_the_leeway(
    status_of, stopped_clock: int, access: str, claim: str
):
    claims = claims_of(access)

    assert status_of(signed(claims | {claim: stopped_clock + 5})) == 200
    assert status_of(signed(claims | {claim: stopped_clock + 6})) == 401


def test_b9_expired_beyond_the_leeway(status_of, stopped_clock: int, access: str):
    claims = claims_of(access)

    assert status_of(signed(claims | {"exp": stopped_clock - 4})) == 200
    assert status_of(signed(claims | {"exp": stopped_clock - 5})) == 401


def test_b9_a_token_that_was_good_expires_at_the_leeways_end(
    status_of, stopped_clock: int, access: str
):
    """It is not verified again each time, but its end is looked at each time."""
    token = signed(claims_of(access) | {"exp": stopped_clock + 60})
    end = NOW + 65 * SECOND

    assert status_of(token) == 200
    with time_machine.travel(end - SECOND / 1000, tick=False):
        assert status_of(token) == 200
    with time_machine.travel(end, tick=False):
        assert status_of(token) == 401


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

    token = start_session(request=request, user=carol).access

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
