"""Lock-out by name and address, the same by API and by page."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.services.lock_outs import release_lock_out
from audit.models import AuditEvent
from tests.people import PASSWORD

URL = "/api/v1/auth/token/"
WRONG = "wrong password"
PAGE = "/accounts/login/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def stopped_clock():
    """Stop the clock: a busy machine needs seconds for what must count as no time."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        yield now


def sign_in(client, username="carol", password=WRONG, **extra):
    body = {"username": username, "password": password}
    return client.post(URL, body, **extra)


def fail_until_locked(client, **extra):
    return [sign_in(client, **extra).status_code for _ in range(5)]


def test_a1_thirty_wrong_passwords_meet_429_with_retry_after(
    stopped_clock, api, carol: User
):
    responses = [sign_in(api()) for _ in range(30)]

    assert [r.status_code for r in responses] == [401] * 4 + [429] * 26
    for response in responses[4:]:
        assert response.data["code"] == "account_locked"
        assert response["Retry-After"] == "900"


def test_the_right_password_does_not_open_a_lock(api, carol: User):
    fail_until_locked(api())

    assert sign_in(api(), password=PASSWORD).status_code == 429
    assert not Session.objects.exists()


def test_locking_out_is_told_to_the_log_once(api, carol: User):
    for _ in range(10):
        sign_in(api())

    event = AuditEvent.objects.get(action="user.locked_out")
    assert event.target_id == carol.pk
    assert event.details == {"reason": "too_many_failures", "via": "api"}
    assert AuditEvent.objects.filter(action="user.sign_in_failed").count() == 5


def test_a_stranger_elsewhere_cannot_lock_the_owner_out(api, carol: User):
    fail_until_locked(api(), REMOTE_ADDR="198.51.100.7")

    response = sign_in(api(), password=PASSWORD, REMOTE_ADDR="203.0.113.9")

    assert response.status_code == 200


def test_one_name_locked_leaves_the_others_at_the_address_alone(api, people):
    fail_until_locked(api())

    assert sign_in(api(), "dave", PASSWORD).status_code == 200


def test_spellings_of_a_name_count_together(api, carol: User):
    for typed in ["carol", "CAROL", " Carol", "cArol", "ｃarol"]:
        sign_in(api(), typed)

    assert sign_in(api(), password=PASSWORD).status_code == 429


def test_user_agents_count_together(api, carol: User):
    for number in range(5):
        sign_in(api(), HTTP_USER_AGENT=f"robot/{number}")

    assert sign_in(api(), password=PASSWORD).status_code == 429


def test_an_ipv6_network_of_64_bits_counts_as_one_address(api, carol: User):
    for number in range(5):
        sign_in(api(), REMOTE_ADDR=f"2001:db8::{number + 1}")

    response = sign_in(api(), password=PASSWORD, REMOTE_ADDR="2001:db8::ffff")

    assert response.status_code == 429


def test_a_name_that_nobody_has_is_locked_alike(api, carol: User):
    statuses = [sign_in(api(), "nobody").status_code for _ in range(6)]

    assert statuses == [401] * 4 + [429] * 2


def test_success_forgets_the_failures_before_it(api, carol: User):
    for _ in range(4):
        sign_in(api())
    sign_in(api(), password=PASSWORD)

    assert sign_in(api()).status_code == 401
    assert AccessAttempt.objects.get().failures_since_start == 1


def test_the_lock_ends_after_a_quarter_of_an_hour(stopped_clock, api, carol: User):
    fail_until_locked(api())
    end = stopped_clock + timedelta(minutes=15)

    with time_machine.travel(end - timedelta(seconds=1), tick=False):
        assert sign_in(api(), password=PASSWORD).status_code == 429
    with time_machine.travel(end + timedelta(seconds=1), tick=False):
        assert sign_in(api(), password=PASSWORD).status_code == 200


def test_an_administrator_releases_it(api, alice: User, carol: User):
    fail_until_locked(api())

    released = release_lock_out(username="carol", address="127.0.0.1", acting=alice)

    assert released == 1
    assert sign_in(api(), password=PASSWORD).status_code == 200
    event = AuditEvent.objects.get(action="user.lock_out_released")
    assert event.actor_id == alice.pk


def test_the_page_locks_and_says_so_with_the_same_status(stopped_clock, carol: User):
    client = Client()
    body = {"username": "carol", "password": "wrong password"}

    statuses = [client.post(PAGE, body).status_code for _ in range(5)]
    locked = client.post(PAGE, {**body, "password": PASSWORD})

    assert statuses == [200] * 4 + [429]
    assert locked.status_code == 429
    assert locked["Retry-After"] == "900"
    assert "accounts/locked_out.html" in [t.name for t in locked.templates]
    assert "_auth_user_id" not in client.session


def test_page_and_api_count_together(api, carol: User):
    client = Client()
    for _ in range(3):
        client.post(PAGE, {"username": "carol", "password": "wrong password"})
    for _ in range(2):
        sign_in(api())

    assert sign_in(api(), password=PASSWORD).status_code == 429
    body = {"username": "carol", "password": PASSWORD}
    assert client.post(PAGE, body).status_code == 429


def test_no_password_is_kept_of_a_failure(api, carol: User):
    sign_in(api(), password="my secret password")
    Client().post(PAGE, {"username": "carol", "password": "my secret password"})

    assert AccessAttempt.objects.get().failures_since_start == 2
    assert AuditEvent.objects.filter(action="user.sign_in_failed").count() == 2
    assert "my secret" not in str(list(AccessAttempt.objects.values()))
    assert "my secret" not in str(list(AuditEvent.objects.values()))


def test_a_password_typed_for_a_name_is_kept_nowhere(api, carol: User):
    for typed in ("my.secret.password", "MY.SECRET.password"):
        sign_in(api(), typed)
    Client().post(PAGE, {"username": "my.secret.password", "password": "carol"})

    attempt = AccessAttempt.objects.get()
    assert attempt.failures_since_start == 3
    assert AuditEvent.objects.filter(action="user.sign_in_failed").count() == 3
    assert "secret" not in str(list(AccessAttempt.objects.values())).lower()
    assert "secret" not in str(list(AuditEvent.objects.values())).lower()


def test_the_name_of_an_account_stays_readable(api, carol: User):
    sign_in(api(), "CAROL")

    assert AccessAttempt.objects.get().username == "carol"


@pytest.mark.usefixtures("committed_db")
def test_a_success_between_two_failures_of_the_same_moment_breaks_neither(api, carol):
    """One failure is counted first, the other finds its row, a success deletes it."""
    events = []

    def overtake(execute, sql, params, many, context):
        if events or not sql.startswith('INSERT INTO "axes_accessattempt"'):
            return execute(sql, params, many, context)
        events.append("first failure")
        in_a_thread(lambda: sign_in(api()))
        try:
            return execute(sql, params, many, context)
        except IntegrityError:
            events.append("collision")
            in_a_thread(lambda: sign_in(api(), password=PASSWORD))
            raise

    with connection.execute_wrapper(overtake):
        response = sign_in(api())

    assert response.status_code == 401
    assert events == ["first failure", "collision"]
    assert AccessAttempt.objects.get().failures_since_start == 1


def in_a_thread(call):
    """Run on a connection of its own, to the end."""

    def run():
        call()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(300)
    assert not thread.is_alive()
