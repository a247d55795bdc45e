"""Everything of this app can be read in the console, and nothing changed there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.browsing import sign_in
from tests.factories import make_function
from tests.spending import approve, everything, held, principal_of, spend
from tests.transactions.approving import TWO_PEOPLE
from transactions import services
from transactions.models import (
    AgentActivity,
    ApprovalDelegation,
    ApproverLimit,
    Budget,
    IdempotencyRecord,
    MerchantActivity,
    Reservation,
    Transaction,
)

# Two short lists are no history: what people delegate, and limits set in the console
# (test_delegations.py, test_approver_limits.py).
MODELS = [
    model
    for model in apps.get_app_config("transactions").get_models()
    if model not in (ApprovalDelegation, ApproverLimit)
]


@pytest.fixture
def console(alice) -> Client:
    client = Client()
    sign_in(client, alice)
    return client


@pytest.fixture
def history(agent, alice, bob, give_policy):
    """At least one row of every model."""
    give_policy(agent, daily_budget="5000.00", approval_levels=TWO_PEOPLE)
    terms = services.SharedBudgetTerms(
        team_id=None, currency="USD", period="month", limit_minor=9000_00
    )
    services.set_shared_budget(terms, acting=alice)
    make_function(acting=alice)
    spend(agent, "10.00", description="<script>alert(1)</script>")
    spend(agent, "2000.00")
    approve(held(agent), bob)
    taken = spend(agent, "11.00").body["id"]
    act: dict[str, Any] = {"acting": principal_of(agent), "amount": None}
    services.capture(taken, is_final=False, idempotency_key="take", **act)
    services.refund(taken, reason="", idempotency_key="back", **act)
    services.report_late_capture(taken, amount="1.00", reference="rail-1", acting=bob)
    services.request_function_call("transfer", {}, acting=principal_of(agent))


def address(model, page, *arguments):
    return reverse(
        f"admin:transactions_{model._meta.model_name}_{page}", args=arguments
    )


def rows():
    """Return what is recorded; refusals themselves are told to the log."""
    recorded = everything()
    del recorded["AuditEvent"]
    return recorded


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_is_listed_and_shown_and_nothing_else(console, history, model):
    row = model.objects.order_by("pk").first()

    listed = console.get(address(model, "changelist"))
    shown = console.get(address(model, "change", row.pk))

    assert (listed.status_code, shown.status_code) == (200, 200)
    text = listed.content.decode() + shown.content.decode()
    assert "<script>alert(1)</script>" not in text
    assert 'name="_save"' not in text
    assert 'name="action"' not in text
    before = rows()
    assert console.get(address(model, "add")).status_code == 403
    assert console.post(address(model, "add"), {}).status_code == 403
    assert console.post(address(model, "change", row.pk), {}).status_code == 403
    assert console.post(
        address(model, "delete", row.pk), {"post": "yes"}
    ).status_code == (403)
    console.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert rows() == before


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_n2_a_manager_does_not_open_the_console(history, bob, model):
    client = Client()
    sign_in(client, bob)

    for page in (
        address(model, "changelist"),
        address(model, "change", model.objects.first().pk),
    ):
        answer = client.get(page, follow=True)
        assert answer.redirect_chain == [(f"/admin/login/?next={page}", 302)]
        assert answer.status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_costs_the_same_whatever_its_length_and_counts_to_a_limit(
    console, agent, history, model
):
    page = address(model, "changelist")

    with CaptureQueriesContext(connection) as short:
        assert console.get(page).status_code == 200
    for n in range(4):
        spend(agent, f"2{n}.00", merchant=["Amazon", "Walmart"][n % 2])
        held(agent, f"60{n}.00")
    with CaptureQueriesContext(connection) as long:
        assert console.get(page).status_code == 200

    assert len(long) == len(short)
    counts = [
        query["sql"]
        for query in long.captured_queries
        if re.search(r"count\(", query["sql"], re.IGNORECASE)
        and "transactions_" in query["sql"]
    ]
    assert counts
    assert [sql for sql in counts if "LIMIT 10000" not in sql] == []


def test_lists_are_cut_by_filters_and_found_by_whole_ids(console, history, agent):
    row = Transaction.objects.get(status="declined")
    page = address(Transaction, "changelist")

    for query, count in (
        ({"outcome": "deny"}, 1),
        ({"status__exact": "pending_approval"}, 1),
        ({"within": "hour"}, 4),
        ({"q": row.pk}, 1),
        ({"q": agent.pk}, 4),
        ({"q": row.pk[:-1]}, 0),
        ({"q": "Amazon"}, 0),
    ):
        response = console.get(page, query)
        assert response.status_code == 200
        assert response.context["cl"].result_count == count, query


@pytest.mark.parametrize(
    ("model", "term"),
    [
        (Budget, lambda row: row.holder),
        (Reservation, lambda row: row.pk),
        (AgentActivity, lambda row: row.pk),
        (MerchantActivity, lambda row: row.agent_id),
        (IdempotencyRecord, lambda row: row.key),
    ],
)
def test_every_list_can_be_searched(console, history, model, term):
    row = model.objects.first()

    found = console.get(address(model, "changelist"), {"q": term(row)})

    assert row in found.context["cl"].result_list
    strange = console.get(address(model, "changelist"), {"q": "'; DROP TABLE x; --"})
    assert strange.context["cl"].result_count == 0


def test_a_transaction_shows_its_money_decision_and_approval(console, history):
    row = Transaction.objects.get(status="pending_approval")

    text = console.get(address(Transaction, "change", row.pk)).content.decode()

    for expected in ("750.00 USD", row.decision.pk, row.approval.pk):
        assert expected in text
