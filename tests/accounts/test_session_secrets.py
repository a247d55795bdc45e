"""G1: what a browser's session holds on the way is not read from the database."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session as StoredSession
from django.core import signing
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from tests.browsing import sign_in
from tests.people import PASSWORD

SALT = "django.contrib.sessions.SessionStore"


def stored_sessions() -> str:
    """Return all that a dump shows, without the wrapping that needs no key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        rows = [row[0] for row in cursor.fetchall()]

    class Raw:
        def loads(self, data: bytes) -> str:
            return data.decode("latin-1")

    kept: Any = Raw
    return json.dumps([signing.loads(row, salt=SALT, serializer=kept) for row in rows])


def test_g1_the_secret_of_an_app_that_is_being_enrolled(carol: User):
    client = Client()
    sign_in(client, carol)

    page = client.get("/accounts/second-factors/app/add/")

    secret = client.session["mfa.totp.secret"]
    assert secret in page.content.decode()
    assert secret not in stored_sessions()


def test_g1_a_form_that_waits_for_a_step_up(alice: User, carol: User):
    client = Client()
    sign_in(client, alice)
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))
    form = {"role": "manager", "team": carol.team_id, "is_active": "on"}
    address = f"/admin/accounts/user/{carol.pk}/change/"

    stopped = client.post(address, {**form, "phone": "+1-555-0199"})
    assert stopped.status_code == 302
    assert "555-0199" not in stored_sessions()
    client.post(stopped["Location"], {"password": PASSWORD}, follow=True)

    carol.refresh_from_db()
    assert (carol.role, carol.phone) == ("manager", "+1-555-0199")


def test_a_session_that_does_not_decrypt_is_empty(carol: User, settings: Any):
    client = Client()
    sign_in(client, carol)
    assert client.get("/dashboard/").status_code == 200
    settings.ENCRYPTION_KEY = "bmV3LWVuY3J5cHRpb24ta2V5LS0wMTIzNDU2Nzg5YWI="

    answer = client.get("/dashboard/")

    assert answer.status_code == 302
    assert StoredSession.objects.count() == 1
