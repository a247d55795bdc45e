"""At least one row of every model that the console shows, made through the services."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.sign_in import start_session
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from security.alerts.services import check_alerts
from security.incidents.services import detect_incidents, respond_to_incidents
from security.locks.models import ResourceLock
from security.locks.services import lock_resource
from security.notifications.services.contacts import set_contact
from security.reviews.services import open_due_reviews
from security.signing.models import RequestNonce
from tests.factories import SEED_POLICY, make_agent, make_credential, make_function
from tests.people import SETUP, People, make_person
from tests.security.happenings import is_decided, is_refused, sign_in_fails
from tests.spending import approve, held, principal_of, spend
from tests.transactions.approving import TWO_PEOPLE, delegate
from tests.transactions.moving import act, reverse_late, take_late
from transactions.approvers.services.limits import set_approver_limit
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.calls.services import request_function_call

POLICY = {**SEED_POLICY, "daily_budget": "5000.00", "approval_levels": TWO_PEOPLE}


def models() -> list[type[Model]]:
    """Return every model that the console has a list of."""
    return list(admin.site._registry)


def list_of(model: type[Model]) -> str:
    """Return the address of a model's list."""
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def page_of(row: Model) -> str:
    """Return the address of an object's page."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def pages() -> list[str]:
    """Return every list, form and page of the console, and those that are its own."""
    made = ["/admin/", "/accounts/password/", "/admin/audit/auditevent/?q=carol"]
    for model, console in admin.site._registry.items():
        row = model._default_manager.first()
        assert row is not None, model
        made += [list_of(model), page_of(row)]
        meta = model._meta
        made.append(reverse("admin:app_list", args=[meta.app_label]))
        if type(console).has_add_permission is admin.ModelAdmin.has_add_permission:
            made.append(reverse(f"admin:{meta.app_label}_{meta.model_name}_add"))
    person = User.objects.get(username="dave")
    made.append(reverse("admin:accounts_user_password", args=[person.pk]))
    return list(dict.fromkeys(made))


def fill_console(people: People) -> None:
    """Make something of everything, with trouble that is still live."""
    agent = make_agent(people.carol, acting=people.alice, policy=POLICY)
    _spend(agent, people)
    make_credential(agent, acting=people.alice)
    start_session(request=RequestFactory().post("/"), user=people.carol)
    _make_trouble(agent, people)
    own = make_agent(people.bob, acting=people.alice, name="Own assistant")
    looser = {**SEED_POLICY, "daily_budget": None, "allowed_merchants": None}
    set_policy(own.pk, parse_terms(looser), acting=people.bob)
    RequestNonce.objects.create(
        key_id="crd_1", nonce="n" * 22, expires_at=timezone.now()
    )
    AccessAttempt.objects.create(
        username="carol", ip_address="203.0.113.9", failures_since_start=3
    )


def _spend(agent: Any, people: People) -> None:
    frank = make_person("frank", User.Role.MANAGER, people.north)
    month = SharedBudgetTerms(
        team_id=None, currency="USD", period="month", limit_minor=90_000_00
    )
    set_shared_budget(month, acting=people.alice)
    set_approver_limit(frank, (2_500_00, "USD"), acting=people.alice)
    delegate(people.bob, frank)
    make_function(acting=people.alice)
    approve(held(agent), people.bob)
    spend(agent, "2000.00")
    taken = spend(agent, "11.00").body["id"]
    act(agent, "capture", taken)
    act(agent, "refund", taken)
    pair = (people.bob, frank)
    take_late(taken, "1.00", "rail-1", people=pair)
    reverse_late(taken, "rail-1", people=pair)
    request_function_call(
        "transfer", {}, acting=principal_of(agent), idempotency_key="call"
    )


def _make_trouble(agent: Any, people: People) -> None:
    now = timezone.now()
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    just = now - timedelta(seconds=5)
    sign_in_fails(at=just, times=6)
    is_refused(at=just, times=12, actor=people.carol)
    is_decided(at=just, risk_bp=8_765, actor=principal_of(agent))
    check_alerts(now=now)
    detect_incidents(now=now)
    respond_to_incidents()
    open_due_reviews(now=now)
    if not ResourceLock.objects.filter(kind="merchant").exists():
        lock_resource(
            "merchant", "walmart", acting=people.alice, reason="Odd.", label="Walmart"
        )
