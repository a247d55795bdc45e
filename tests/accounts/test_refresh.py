from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from accounts import tokens
from accounts.errors import InvalidCredentials, RefreshRefused
from accounts.models import Session, User
from accounts.services.people import set_password
from accounts.services.sessions import TokenPair, refresh_session
from accounts.services.sign_in import start_session
from audit.base.context import System
from audit.models import AuditEvent
from security.alerts.models import Alert
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.people import make_person

URL = "/api/v1/auth/token/refresh/"
ME = "/api/v1/me/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def start(user: User) -> TokenPair:
    return start_session(request=RequestFactory().post("/"), user=user)


def refresh(client, token: str):
    return client.post(URL, {"refresh": token})


def test_a_refresh_token_buys_a_new_pair_of_the_same_session(api, carol: User):
    pair = start(carol)

    response = refresh(api(), pair.refresh)

    assert response.status_code == 200
    assert set(response.data) == {"access", "refresh", "expires_in"}
    assert response.data["refresh"] != pair.refresh
    assert api(token=response.data["access"]).get(ME).status_code == 200
    assert Session.objects.count() == 1
    event = AuditEvent.objects.get(action="session.refreshed")
    assert event.actor_id == carol.pk


def test_the_new_refresh_token_works_in_turn(api, carol: User):
    token = start(carol).refresh

    for _ in range(5):
        token = refresh(api(), token).data["refresh"]

    assert Session.objects.filter(ended_at=None).count() == 1


def test_b10_refresh_sixteen_at_once(committed_db: None):
    user = make_person("carol")
    pair = start(user)
    barrier = Barrier(16)

    def attempt(_: int) -> bool:
        barrier.wait()
        try:
            refresh_session(refresh=pair.refresh)
        except RefreshRefused:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(attempt, range(16)))

    assert won.count(True) == 1
    assert AuditEvent.objects.filter(action="session.refreshed").count() == 1


def test_b11_a_replayed_refresh_ends_the_whole_session(api, carol: User):
    pair = start(carol)
    successor = refresh(api(), pair.refresh).data

    replayed = refresh(api(), pair.refresh)

    assert replayed.status_code == 401
    assert replayed.data["code"] == "invalid_refresh_token"
    ended = refresh(api(), successor["refresh"])
    assert (ended.status_code, ended.data["code"]) == (401, "refresh_token_ended")
    assert api(token=successor["access"]).get(ME).status_code == 401
    assert api(token=pair.access).get(ME).status_code == 401
    event = AuditEvent.objects.get(action="session.refresh_replayed")
    assert (event.target_id, event.owner_id) == (Session.objects.get().pk, carol.pk)
    assert event.outcome == "refused"


def test_b12_who_lost_the_answer_signs_in_again_and_has_one_family(api, carol: User):
    """There is no grace: a retry looks like a theft, so both end the session."""
    pair = start(carol)
    refresh(api(), pair.refresh)  # The answer is lost on the way.

    retried = refresh(api(), pair.refresh)

    assert retried.status_code == 401
    assert "refresh" not in retried.data
    session = Session.objects.get()
    assert session.ended_at is not None
    assert session.end_reason == "refresh_replayed"


def test_b11_a_replay_raises_an_alert_at_once(api, carol: User):
    contact = {"name": "Ann", "email": "ann@example.com", "phone": ""}
    set_contact("primary", **contact, acting=System("tests"))
    pair = start(carol)
    refresh(api(), pair.refresh)
    assert Alert.objects.count() == 0

    refresh(api(), pair.refresh)
    refresh(api(), pair.refresh)

    alert = Alert.objects.get()
    assert (alert.metric, alert.count, alert.status) == (
        "refresh_token_replayed",
        1,
        "open",
    )
    assert Notification.objects.get().recipient == "ann@example.com"


def test_b11_a_replay_leaves_the_other_sessions_alone(api, carol: User):
    stolen, other = start(carol), start(carol)
    refresh(api(), stolen.refresh)
    refresh(api(), stolen.refresh)

    assert api(token=other.access).get(ME).status_code == 200
    assert refresh(api(), other.refresh).status_code == 200


def test_a_stranger_who_knows_the_session_cannot_end_it(api, carol: User):
    pair = start(carol)
    session_id, secret, mac = pair.refresh.split(".")
    made_up = {
        f"{session_id}.{secret[::-1]}.{mac}": 401,
        f"{session_id}.{secret}.{mac[::-1]}": 401,
        f"{session_id}.x.y": 401,
        session_id: 401,
        f"{session_id}..": 401,
        "": 400,
    }

    assert {token: refresh(api(), token).status_code for token in made_up} == made_up

    assert Session.objects.get().ended_at is None
    assert refresh(api(), pair.refresh).status_code == 200


def test_b7_an_access_token_does_not_refresh(api, carol: User):
    pair = start(carol)

    assert refresh(api(), pair.access).status_code == 400
    assert refresh(api(), pair.access[:200]).status_code == 401
    assert Session.objects.get().ended_at is None


def test_b7_a_refresh_token_does_not_open_anything(api, carol: User):
    pair = start(carol)

    assert api(token=pair.refresh).get(ME).status_code == 401


def test_a8_a_deactivated_person_does_not_refresh(api, carol: User):
    pair = start(carol)
    User.objects.filter(pk=carol.pk).update(is_active=False)

    assert refresh(api(), pair.refresh).status_code == 401
    assert not AuditEvent.objects.filter(action="session.refreshed").exists()


def test_a_session_ends_after_a_fortnight_however_often_refreshed(api, carol: User):
    started = timezone.now()
    end = started + timedelta(days=14)
    times = [started + timedelta(days=days) for days in range(2, 14, 2)]
    with time_machine.travel(started, tick=False):
        token = start(carol).refresh

    for at in [*times, end - timedelta(seconds=1)]:
        with time_machine.travel(at, tick=False):
            token = refresh(api(), token).data["refresh"]

    with time_machine.travel(end, tick=False):
        assert refresh(api(), token).status_code == 401


def test_a_session_ends_after_three_days_unused(api, carol: User):
    started = timezone.now()
    end = started + timedelta(days=3)
    with time_machine.travel(started, tick=False):
        pair = start(carol)

    with time_machine.travel(end, tick=False):
        assert refresh(api(), pair.refresh).status_code == 401
    with time_machine.travel(end - timedelta(seconds=1), tick=False):
        assert refresh(api(), pair.refresh).status_code == 200


def test_b14_what_was_revoked_stays_so_when_the_cache_is_emptied(api, carol: User):
    pair = start(carol)
    api(token=pair.access).post("/api/v1/auth/token/revoke/")

    cache.clear()

    assert api(token=pair.access).get(ME).status_code == 401
    assert refresh(api(), pair.refresh).status_code == 401


def test_only_a_hash_of_the_refresh_token_is_stored(carol: User):
    pair = start(carol)

    assert Session.objects.get().refresh_hash == tokens.refresh_hash(pair.refresh)
    assert pair.refresh not in str(list(Session.objects.values()))


def test_a_new_signing_key_leaves_refresh_tokens_good(api, carol: User, settings):
    pair = start(carol)
    settings.JWT_PREVIOUS_SECRET_KEYS = [settings.JWT_SECRET_KEY]
    settings.JWT_SECRET_KEY = "n" * 48

    assert refresh(api(), pair.refresh).status_code == 200


def test_a_password_changed_since_the_proof_starts_no_session(carol: User):
    proved = User.objects.get(pk=carol.pk)
    set_password(user=carol, password="another long passphrase", acting=carol)

    with pytest.raises(InvalidCredentials):
        start(proved)

    assert not Session.objects.exists()
