"""Erasing a person leaves no name behind, and all that happened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.apps import apps
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import InvalidCredentials, PersonActive, PersonErased
from accounts.models import Session, User
from accounts.services import sign_in as sign_in_services
from accounts.services.erasure import erase_person
from accounts.services.password_reset import start_password_reset
from accounts.services.people import set_password, update_user
from agents.models import Agent
from audit.models import AuditEvent, SavedFilter
from audit.services.verification import verify_log
from security.alerts.models import Alert
from security.errors import StepUpRequired
from tests.audit.logs import seal
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import PASSWORD, People

pytestmark = pytest.mark.django_db

# The person whom the address, the name and the rest identify.
TRACES = ("carol", "Carol Example", "carol@example.com", "+15550100", "203.0.113.77")
HISTORY = {"audit_auditevent"}
# Where each of them is found before; the phone number is encrypted.
FOUND_IN = {
    "carol": {
        "accounts_user",
        "audit_auditevent",
        "audit_savedfilter",
        "axes_accessattempt",
        "security_alert",
    },
    "Carol Example": {"accounts_user", "audit_auditevent"},
    "carol@example.com": {"accounts_user"},
    "+15550100": set(),
    "203.0.113.77": {"accounts_session", "audit_auditevent", "axes_accessattempt"},
}
# What was written under a user name goes on saying so.
SIGNED = HISTORY | {"security_alert"}


@pytest.fixture
def carol(people: People) -> User:
    """Carol with all that can be known of a person, who has left."""
    carol = people.carol
    update_user(
        user=carol,
        acting=people.alice,
        full_name=TRACES[1],
        email=TRACES[2],
        phone=TRACES[3],
        permissions=frozenset({"audit.view_auditevent"}),
    )
    make_agent(carol, acting=people.alice)
    proof = {"username": "carol", "password": PASSWORD}
    signed_in = APIClient().post("/api/v1/auth/token/", proof, REMOTE_ADDR=TRACES[4])
    assert signed_in.status_code == 200
    Authenticator.objects.create(user=carol, type="totp", data={"secret": "none"})
    AccessAttempt.objects.create(
        username="Carol", ip_address=TRACES[4], failures_since_start=1
    )
    SavedFilter.objects.create(person_id=carol.pk, name="mine", query="q=carol")
    Alert.objects.create(
        metric="api_errors",
        window_start=timezone.now(),
        count=10,
        threshold=10,
        acknowledged_by=carol.label,
    )
    update_user(user=carol, acting=people.alice, is_active=False)
    carol.refresh_from_db()
    return carol


def tables_that_tell(trace: str) -> set[str]:
    """Return the tables with a row that has a text somewhere."""
    return {
        model._meta.db_table
        for model in apps.get_models()
        if any(
            trace.lower() in str(value).lower()
            for row in model._default_manager.values_list()
            for value in row
        )
    }


def test_l11_who_is_erased_is_an_id_and_the_log_is_kept(carol: User, people: People):
    told = set(AuditEvent.objects.filter(owner_id=carol.pk).values_list("id", "action"))
    assert {trace: tables_that_tell(trace) for trace in TRACES} == FOUND_IN

    erase_person(user=carol, acting=people.alice)

    carol.refresh_from_db()
    assert carol.username == f"erased-{carol.pk}"
    assert (carol.full_name, carol.email, carol.phone) == ("", "", "")
    assert not carol.has_usable_password()
    assert not carol.user_permissions.exists()
    assert not Session.objects.filter(user=carol).exists()
    assert not Authenticator.objects.filter(user=carol).exists()
    assert not SavedFilter.objects.exists()
    assert tables_that_tell(TRACES[0]) == SIGNED
    for trace in TRACES[1:]:
        assert tables_that_tell(trace) == FOUND_IN[trace] & HISTORY
    assert Agent.objects.get(owner=carol).name == "shopping"
    kept = set(AuditEvent.objects.filter(owner_id=carol.pk).values_list("id", "action"))
    assert sorted(action for _, action in kept - told) == [
        "second_factor.removed",
        "user.erased",
    ]
    assert kept > told


def test_l11_the_log_still_verifies(carol: User, people: People, settings, tmp_path):
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    seal()
    erase_person(user=carol, acting=people.alice)
    seal()

    result = verify_log(grace_s=0)

    assert result.findings == []
    assert result.size == AuditEvent.objects.count()


def test_who_is_erased_never_comes_back(carol: User, people: People):
    erase_person(user=carol, acting=people.alice)
    carol.refresh_from_db()

    with pytest.raises(PersonErased):
        update_user(user=carol, acting=people.alice, is_active=True)
    with pytest.raises(PersonErased):
        start_password_reset(user=carol, acting=people.alice)
    with pytest.raises(PersonErased):
        set_password(user=carol, password=PASSWORD, acting=carol)
    with pytest.raises(PersonErased):
        erase_person(user=carol, acting=people.alice)
    for name in ("carol", carol.username):
        with pytest.raises(InvalidCredentials):
            sign_in_services.sign_in(
                request=RequestFactory().post("/"), username=name, password=PASSWORD
            )
    assert not User.objects.get(pk=carol.pk).is_active
    assert AuditEvent.objects.filter(action="user.erased").count() == 1


def test_only_who_was_deactivated_is_erased(people: People):
    with pytest.raises(PersonActive):
        erase_person(user=people.bob, acting=people.alice)

    assert User.objects.get(pk=people.bob.pk).username == "bob"
    assert not AuditEvent.objects.filter(action="user.erased").exists()


def test_erasing_takes_a_fresh_proof(carol: User, people: People):
    people.alice.authenticated_at = timezone.now() - timedelta(minutes=6)

    with pytest.raises(StepUpRequired):
        erase_person(user=carol, acting=people.alice)

    assert User.objects.get(pk=carol.pk).username == "carol"


def test_staff_erase_in_the_console(carol: User, people: People):
    console = Client()
    sign_in(console, people.alice)
    body = {"action": "erase", "_selected_action": [carol.pk, people.bob.pk]}

    page = console.post("/admin/accounts/user/", body, follow=True).content.decode()

    assert "1 erased." in page
    assert "Bob: Deactivate this person first." in page
    assert User.objects.filter(username__startswith="erased-").get() == carol


def test_the_console_refuses_who_was_erased_a_password(carol: User, people: People):
    erase_person(user=carol, acting=people.alice)
    console = Client()
    sign_in(console, people.alice)

    page = console.post(
        f"/admin/accounts/user/{carol.pk}/password/",
        {"password": "another long passphrase"},
    )

    assert page.status_code == 200
    assert "This person was erased for good." in page.content.decode()
    assert not User.objects.get(pk=carol.pk).has_usable_password()
