"""One's own password: people with a second factor prove it before the page opens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as Stored
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from tests.browsing import sign_in
from tests.people import PASSWORD
from tests.second_factors import code_of, enrol_app

PAGE = "/accounts/password/"
NEW = "another long passphrase 7"
FORM = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
PROOF = "/accounts/second-factors/reauthenticate/?next=%2Faccounts%2Fpassword%2F"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def signed_in(person: User, *, minutes_ago: float) -> Client:
    client = Client()
    sign_in(client, person)
    proved_at = timezone.now() - timedelta(minutes=minutes_ago)
    Session.objects.update(authenticated_at=proved_at)
    return client


def test_c17_who_has_a_second_factor_proves_it_before_changing_the_password(bob: User):
    secret = enrol_app(bob)
    client = signed_in(bob, minutes_ago=6)

    shown = client.get(PAGE)
    sent = client.post(PAGE, FORM)

    assert (shown.status_code, shown["Location"]) == (302, PROOF)
    assert (sent.status_code, sent["Location"]) == (302, PAGE)
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)
    assert Session.objects.get().ended_at is None

    proved = client.post(PROOF, {"code": code_of(secret), "next": PAGE})
    assert (proved.status_code, proved["Location"]) == (302, PAGE)
    assert client.post(PAGE, FORM).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)


def test_no_password_is_kept_to_be_taken_up_again(bob: User):
    enrol_app(bob)
    client = signed_in(bob, minutes_ago=6)

    assert client.post(PAGE, FORM).status_code == 302

    kept = [session.get_decoded() for session in Stored.objects.all()]
    assert len(kept) == 1
    assert PASSWORD not in str(kept)


def test_who_has_none_proves_it_by_the_old_password(bob: User):
    client = signed_in(bob, minutes_ago=6)

    assert client.post(PAGE, {**FORM, "old_password": "wrong"}).status_code == 200
    assert client.post(PAGE, FORM).status_code == 302

    bob.refresh_from_db()
    assert bob.check_password(NEW)
