from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import queries
from accounts.errors import InvalidCredentials
from accounts.models import Session, User
from accounts.services.people import set_password, update_user
from accounts.services.sessions import TokenPair
from accounts.services.sign_in import SIGN_IN, start_browser_session, start_session
from accounts.tokens import PersonAccess
from audit.models import AuditEvent
from security.locks.services import lock_resource
from tests.browsing import sign_in
from tests.people import PASSWORD, People

ME = "/api/v1/me/"
LIST = "/api/v1/auth/sessions/"
REVOKE = "/api/v1/auth/token/revoke/"
REVOKE_ALL = "/api/v1/auth/sessions/revoke-all/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def start(user: User) -> TokenPair:
    return start_session(request=RequestFactory().post("/"), user=user)


def is_open(api, pair: TokenPair) -> bool:
    """Whether either token of the pair still opens anything."""
    status = api(token=pair.access).get(ME).status_code
    refreshed = api().post("/api/v1/auth/token/refresh/", {"refresh": pair.refresh})
    return (status, refreshed.status_code) != (401, 401)


def test_one_sees_ones_own_live_sessions(api, carol: User, dave: User):
    first, second, ended = start(carol), start(carol), start(carol)
    start(dave)
    api(token=ended.access).post(REVOKE)

    response = api(token=second.access).get(LIST)

    assert response.status_code == 200
    assert [row["is_current"] for row in response.data["data"]] == [True, False]
    assert set(response.data["data"][0]) == {
        "id",
        "kind",
        "method",
        "user_agent",
        "address",
        "created_at",
        "authenticated_at",
        "last_seen_at",
        "expires_at",
        "is_current",
    }
    assert api(token=first.access).get(ME).status_code == 200


def test_the_list_takes_two_queries(client_for, carol: User, django_assert_num_queries):
    for _ in range(5):
        start(carol)
    client = client_for(carol)

    with django_assert_num_queries(2):
        client.get(LIST)


def test_an_unknown_parameter_is_refused(client_for, carol: User):
    assert client_for(carol).get(LIST, {"user": "x"}).status_code == 400


def test_b13_signing_out_ends_the_session_at_once(api, carol: User):
    pair, other = start(carol), start(carol)

    response = api(token=pair.access).post(REVOKE)

    assert response.status_code == 204
    assert not is_open(api, pair)
    assert is_open(api, other)
    event = AuditEvent.objects.get(action="user.signed_out")
    assert (event.actor_id, event.details) == (carol.pk, {"via": "api"})


def test_b13_a_person_ends_one_of_their_sessions(api, client_for, carol: User):
    pair = start(carol)
    session = Session.objects.get()

    response = client_for(carol).delete(f"{LIST}{session.pk}/")

    assert response.status_code == 204
    assert not is_open(api, pair)
    session.refresh_from_db()
    assert session.end_reason == "by_owner"
    event = AuditEvent.objects.get(action="session.revoked")
    assert (event.target_id, event.owner_id) == (session.pk, carol.pk)


def test_ending_it_twice_is_not_found(client_for, carol: User):
    start(carol)
    address = f"{LIST}{Session.objects.get().pk}/"
    client = client_for(carol)
    client.delete(address)

    assert client.delete(address).status_code == 404
    assert AuditEvent.objects.filter(action="session.revoked").count() == 1


@pytest.mark.parametrize("who", ["alice", "bob", "dave"])
def test_c2_nobody_ends_anothers_session(client_for, people: People, who: str):
    start(people.carol)
    session = Session.objects.get()

    response = client_for(getattr(people, who)).delete(f"{LIST}{session.pk}/")

    assert response.status_code == 404
    session.refresh_from_db()
    assert session.ended_at is None


def test_b13_revoke_all_ends_api_and_browser_alike(api, carol: User, dave: User):
    browser = Client()
    sign_in(browser, carol)
    pairs = [start(carol), start(carol)]
    foreign = start(dave)
    assert browser.get("/accounts/password/").status_code == 200

    response = api(token=pairs[0].access).post(REVOKE_ALL)

    assert response.status_code == 204
    assert not any(is_open(api, pair) for pair in pairs)
    ended = browser.get("/accounts/password/")
    assert ended["Location"] == "/accounts/login/?next=/accounts/password/"
    assert is_open(api, foreign)


def test_b13_a_new_password_ends_every_sign_in(api, carol: User):
    pair = start(carol)

    set_password(user=carol, password="another long passphrase", acting=carol)

    assert not is_open(api, pair)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"role": "manager"}, "role_changed"), ({"is_active": False}, "deactivated")],
)
def test_b13_a_new_role_or_deactivation_ends_every_sign_in(
    api, alice: User, carol: User, changes: dict, reason: str
):
    pair = start(carol)

    update_user(user=carol, acting=alice, **changes)

    assert not is_open(api, pair)
    assert Session.objects.get(user=carol).end_reason == reason


def test_a8_deactivation_past_the_services_closes_the_door_too(api, carol: User):
    pair = start(carol)

    User.objects.filter(pk=carol.pk).update(is_active=False)

    assert not is_open(api, pair)


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", ME),
        ("get", LIST),
        ("post", REVOKE),
        ("post", REVOKE_ALL),
        ("delete", f"{LIST}ses_00000000000000000000000000/"),
    ],
)
def test_c1_strangers_are_sent_away(api, method: str, address: str):
    response = getattr(api(), method)(address)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_b16_looking_at_sessions_changes_nothing(client_for, carol: User):
    client = client_for(carol)
    before = list(Session.objects.values())

    assert [client.get(address).status_code for address in (LIST, ME)] == [200, 200]

    assert list(Session.objects.values()) == before


def test_a_lock_between_the_proof_and_the_start_keeps_the_person_out(alice, carol):
    request = RequestFactory().post("/api/v1/auth/token/")
    proved = User.objects.get(pk=carol.pk)
    lock_resource("user", carol.pk, acting=alice, reason="Odd.")

    for start in (start_session, start_browser_session):
        with pytest.raises(InvalidCredentials):
            start(request=request, user=proved)

    assert not Session.objects.exists()
    assert not AuditEvent.objects.filter(action="user.signed_in").exists()


@pytest.mark.parametrize("door", ["api", "page"])
def test_the_right_password_of_a_locked_account_is_told_to_the_log(
    api, alice, carol, door
):
    lock_resource("user", carol.pk, acting=alice, reason="Odd.")
    body = {"username": "carol", "password": PASSWORD}

    if door == "api":
        assert api().post("/api/v1/auth/token/", body).status_code == 401
    else:
        client = Client()
        page = client.post("/accounts/login/", body)
        assert page.status_code == 200
        assert b"The username or password is not right." in page.content
        assert "_auth_user_id" not in client.session

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert (event.outcome, event.target_id) == ("failure", carol.pk)
    assert event.details == {"reason": "locked", "via": door}
    assert not Session.objects.exists()


def test_a_card_number_in_a_user_agent_is_kept_nowhere(api, carol):
    body = {"username": "carol", "password": PASSWORD}
    api(HTTP_USER_AGENT="4111 1111 1111 1111").post("/api/v1/auth/token/", body)

    assert Session.objects.get().user_agent == "****1111"


def test_a8_the_one_query_of_each_request_finds_exactly_what_lives(carol, dave):
    """All combinations; the statement of its own must say what the list says."""
    now = timezone.now()
    ends = [now + timedelta(microseconds=offset) for offset in (-1, 0, 1)]
    User.objects.filter(pk=dave.pk).update(is_active=False)
    everyone = [
        Session(
            user=person, kind=kind, ended_at=ended, expires_at=expires, idles_at=idles
        )
        for person, kind, ended, expires, idles in product(
            (carol, dave), Session.Kind, (None, now), ends, ends
        )
    ]
    Session.objects.bulk_create(everyone)
    alive = {
        one
        for one in everyone
        if one.ended_at is None and min(one.expires_at, one.idles_at) > now
    }

    listed = {*queries.live_sessions(carol, now=now)}
    listed |= {*queries.live_sessions(dave, now=now)}
    found = {
        (session, person, kind)
        for session, person, kind in product(
            everyone, (carol, dave), Session.Kind.values
        )
        if queries.live_session(session.pk, person.pk, kind=kind, now=now)
    }

    assert listed == alive
    assert found == {(one, carol, one.kind) for one in alive if one.user == carol}


def test_a_sign_in_opens_only_the_door_that_it_was_made_for(api, carol: User):
    pair, browser = start(carol), Client()
    sign_in(browser, carol)
    by_api, by_browser = (Session.objects.get(kind=kind) for kind in Session.Kind)
    swapped = PersonAccess.issue(subject=carol.pk, session=by_browser.pk)
    cookie = browser.session
    cookie[SIGN_IN] = by_api.pk
    cookie.save()

    assert api(token=swapped).get(ME).status_code == 401
    assert browser.get("/accounts/password/").status_code == 302
    assert api(token=pair.access).get(ME).status_code == 200
