"""The limiter stands before the password, and headers do not move an address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import User
from audit.models import AuditEvent
from tests.people import PASSWORD

# A busy machine must not earn a sign-in by taking long over the ones before.
pytestmark = pytest.mark.usefixtures("slow_refill")

URL = "/api/v1/auth/token/"
ME = "/api/v1/me/"
WRONG = "wrong password"


def sign_in(client, password=WRONG, **extra):
    body = {"username": "carol", "password": password}
    return client.post(URL, body, **extra)


def test_d2_the_auth_class_lets_a_burst_of_two_through(api, carol: User):
    statuses = [sign_in(api()).status_code for _ in range(6)]

    assert statuses == [401, 401, 429, 429, 429, 429]
    assert AuditEvent.objects.filter(action="user.sign_in_failed").count() == 2


def test_a1_a_limited_answer_says_when_to_come_back(api, carol: User):
    for _ in range(3):
        response = sign_in(api(), PASSWORD)

    assert response.status_code == 429
    assert response.data["code"] == "rate_limited"
    assert 1 <= int(response["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED"]
)
def test_a5_a_new_address_in_a_header_each_time_is_the_same_bucket(
    api, carol: User, header: str
):
    statuses = [
        sign_in(api(), **{header: f"203.0.113.{number}"}).status_code
        for number in range(4)
    ]

    assert statuses == [401, 401, 429, 429]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "::",
        "0.0.0.0",  # noqa: S104 - as a client would send it.
        "x" * 8192,
        "203.0.113.7, a",
        ",,,,",
        "203.0.113.7:",
        "203.0.113.7:123456",
        "[2001:db8::1",
        "[2001:db8::1]:x",
        "fe80::1%eth0",
        "\u0661.1.1.1",
    ],
)
def test_a6_nonsense_from_a_trusted_proxy_is_the_proxys_address(
    api, carol: User, settings, value: str
):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]

    response = sign_in(api(), HTTP_X_FORWARDED_FOR=value)

    assert response.status_code == 401
    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert event.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.1.1.1:80, 203.0.113.7:80, 127.0.0.1:9000", "203.0.113.7"),
    ],
)
def test_a6_a_port_that_a_proxy_tells_is_not_part_of_the_address(
    api, carol: User, settings, value: str, client: str
):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]

    sign_in(api(), HTTP_X_FORWARDED_FOR=value)

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert event.address == client


def test_a_trusted_proxys_right_most_stranger_is_the_client(api, carol: User, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8", "10.0.0.0/8"]

    sign_in(api(), HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.7, 10.1.2.3")

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert event.address == "203.0.113.7"


def test_two_headers_are_read_as_one_list(api, carol: User, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]

    sign_in(api(), HTTP_X_FORWARDED_FOR="203.0.113.7,203.0.113.8")

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert event.address == "203.0.113.8"


def test_d9_a_stranger_does_not_spend_the_owners_bucket(api, client_for, carol: User):
    client = client_for(carol)

    strangers = [api().get(ME).status_code for _ in range(6)]

    assert strangers == [401] * 5 + [429]
    assert [client.get(ME).status_code for _ in range(6)] == [200] * 5 + [429]


def test_a2_thirty_at_once_get_no_more_guesses_than_the_limit(
    committed_db: None, api, carol: User
):
    barrier = Barrier(30)

    def guess(_: int) -> int:
        client = api()
        barrier.wait()
        try:
            return sign_in(client).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        statuses = list(pool.map(guess, range(30)))

    verified_count = AuditEvent.objects.filter(action="user.sign_in_failed").count()
    assert sorted(statuses) == [401] * 2 + [429] * 28
    assert verified_count == 2


def test_a1_guesses_at_one_name_count_together_from_everywhere(api, carol: User):
    statuses = [
        sign_in(api(), REMOTE_ADDR=f"203.0.113.{number}").status_code
        for number in range(5)
    ]

    assert statuses == [401, 401, 429, 429, 429]
    assert AuditEvent.objects.filter(action="user.sign_in_failed").count() == 2
    other = {"username": "somebody else", "password": WRONG}
    assert api().post(URL, other, REMOTE_ADDR="203.0.113.9").status_code == 401


def test_spellings_of_a_name_share_its_bucket(api, carol: User):
    statuses = [
        api()
        .post(URL, {"username": name, "password": WRONG}, REMOTE_ADDR=address)
        .status_code
        for name, address in (
            ("carol", "203.0.113.1"),
            (" CAROL", "203.0.113.2"),
            ("ｃarol", "203.0.113.3"),
        )
    ]

    assert statuses == [401, 401, 429]


@pytest.mark.parametrize("body", [{}, {"username": {}, "password": WRONG}, ["carol"]])
def test_a_body_without_a_name_is_refused_as_before(api, carol: User, body):
    assert api().post(URL, body).status_code == 400


def test_a_number_for_a_name_is_refused_and_counted_as_its_digits(api, carol: User):
    statuses = [
        api()
        .post(URL, {"username": name, "password": WRONG}, REMOTE_ADDR=address)
        .status_code
        for name, address in (
            (7, "203.0.113.1"),
            ("7", "203.0.113.2"),
            (7, "203.0.113.3"),
        )
    ]

    assert statuses == [400, 401, 429]
