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
from tests.spending import approve, call, everything, held, principal_of, spend
from tests.transactions.approving import TWO_PEOPLE
from tests.transactions.moving import reverse_late, take_late
from transactions.approvers.models import ApprovalDelegation, ApproverLimit
from transactions.budgets.models import Budget, Reservation
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.decisions.models import IdempotencyRecord
from transactions.money.services.captures import capture
from transactions.money.services.giving_back import refund
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction

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
def history(agent, alice, bob, pair, give_policy):
    """At least one row of every model."""
    give_policy(agent, daily_budget="5000.00", approval_levels=TWO_PEOPLE)
    terms = SharedBudgetTerms(
        team_id=None, currency="USD", period="month", limit_minor=9000_00
    )
    set_shared_budget(terms, acting=alice)
    make_function(acting=alice)
    spend(agent, "10.00", description="<script>alert(1)</script>")
    spend(agent, "2000.00")
    approve(held(agent), bob)
    taken = spend(agent, "11.00").body["id"]
    act: dict[str, Any] = {"acting": principal_of(agent), "amount": None}
    capture(taken, is_final=False, idempotency_key="take", **act)
    refund(taken, reason="", idempotency_key="back", **act)
    take_late(taken, "1.00", "rail-1", people=pair)
    reverse_late(taken, "rail-1", people=pair)
    call(agent)


def address(model, page, *arguments):
    return reverse(
        f"admin:transactions_{model._meta.model_name}_{page}", args=arguments
    )


def rows():
    """Return what is recorded; refusals themselves are recorded."""
    recorded = everything()
    del recorded["AuditEvent"]
    return recorded


def test_every_model_is_listed_and_shown_and_nothing_else(console, history):
    before = rows()
    assert len(MODELS) > 10
    for model in MODELS:
        row = model._default_manager.order_by("pk").first()
        change = address(model, "change", row.pk)
        list_of_them = address(model, "changelist")

        listed, shown = console.get(list_of_them), console.get(change)

        assert (listed.status_code, shown.status_code) == (200, 200), model
        text = listed.content.decode() + shown.content.decode()
        assert "<script>alert(1)</script>" not in text, model
        assert 'name="_save"' not in text, model
        assert 'name="action"' not in text, model
        add = address(model, "add")
        delete = address(model, "delete", row.pk)
        assert console.get(add).status_code == 403, model
        assert console.post(add, {}).status_code == 403, model
        assert console.post(change, {}).status_code == 403, model
        assert console.post(delete, {"post": "yes"}).status_code == 403, model
        chosen = {"action": "delete_selected", "_selected_action": [row.pk]}
        console.post(list_of_them, chosen | {"post": "yes"})
        assert rows() == before, model


def test_n2_a_manager_does_not_open_the_console(history, bob):
    client = Client()
    sign_in(client, bob)
    assert len(MODELS) > 10

    for model in MODELS:
        for page in (
            address(model, "changelist"),
            address(model, "change", model._default_manager.first().pk),
        ):
            answer = client.get(page, follow=True)
            assert answer.redirect_chain == [(f"/admin/login/?next={page}", 302)]
            assert answer.status_code == 403, page


def test_a_list_costs_the_same_whatever_its_length_and_counts_to_a_limit(
    console, agent, history
):
    def queries(model) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert console.get(address(model, "changelist")).status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    short = {model: len(queries(model)) for model in MODELS}
    for n in range(4):
        spend(agent, f"2{n}.00", merchant=["Amazon", "Walmart"][n % 2])
        held(agent, f"60{n}.00")

    assert len(MODELS) > 10
    for model in MODELS:
        sent = queries(model)
        assert len(sent) == short[model], model
        counts = [
            sql
            for sql in sent
            if re.search(r"count\(", sql, re.IGNORECASE) and "transactions_" in sql
        ]
        assert counts, model
        assert [sql for sql in counts if "LIMIT 10000" not in sql] == [], model


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


def test_every_list_can_be_searched(console, history):
    for model, term in (
        (Budget, lambda row: row.holder),
        (Reservation, lambda row: row.pk),
        (AgentActivity, lambda row: row.pk),
        (MerchantActivity, lambda row: row.agent_id),
        (IdempotencyRecord, lambda row: row.key),
    ):
        row, page = model.objects.first(), address(model, "changelist")

        found = console.get(page, {"q": term(row)})
        strange = console.get(page, {"q": "'; DROP TABLE x; --"})

        assert row in found.context["cl"].result_list, model
        assert strange.context["cl"].result_count == 0, model


def test_a_transaction_shows_its_money_decision_and_approval(console, history):
    row = Transaction.objects.get(status="pending_approval")

    text = console.get(address(Transaction, "change", row.pk)).content.decode()

    for expected in ("750.00 USD", row.decision.pk, row.approval.pk):
        assert expected in text
