"""Pages: the list of transactions, one transaction, and the dashboard."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import person_of
from agents.models import Agent
from agents.modes import mode_asked
from agents.queries import agents_visible_to
from audit.queries.reading import timeline
from transactions.approvals.core.danger import worst_of
from transactions.approvals.queries.waiting import (
    imitated_by,
    nobody_decides,
    waits_for_nobody,
)
from transactions.dashboard.core.plot import stack
from transactions.dashboard.forms import TransactionFilterForm
from transactions.dashboard.queries import (
    dashboard_for,
    decisions_by_hour,
    page_of_transactions,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import (
    transaction_for,
    transactions_visible_to,
)
from transactions.spending.services.lifecycle import HELD_MONEY

PAGE_SIZE = 50
RECENT = 8
AGENTS_OFFERED = 200


@require_safe
@login_required
def transaction_list(request: HttpRequest) -> HttpResponse:
    """Show the transactions in a person's scope, newest first."""
    person, mode = person_of(request), mode_asked(request)
    offered = _agents_offered(person, mode, request.GET.get("agent", ""))
    form = TransactionFilterForm(request.GET, agents=offered)
    chosen = form.chosen if form.is_valid() else {}
    before = request.GET.get("before", "")
    rows = (
        page_of_transactions(
            person,
            # With an agent chosen, the mode does not matter.
            filters=chosen if "agent" in chosen else chosen | {"mode": mode},
            before=before,
            size=PAGE_SIZE,
        )
        if form.is_valid()
        else []
    )
    older = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else ""
    shown = chosen | ({"mode": mode} if mode == Agent.Mode.TEST else {})
    values = {
        "form": form,
        "mode": mode,
        "rows": rows[:PAGE_SIZE],
        "undecidable": _undecidable(rows[:PAGE_SIZE], person),
        "before": before,
        "older": urlencode(shown | {"before": older}) if older else "",
        "newest": urlencode(shown),
    }
    return render(request, "transactions/transaction_list.html", values)


def _agents_offered(person: User, mode: str, asked_for: str) -> list[tuple[str, str]]:
    """Return the agents to filter by, with the requested one if it is visible."""
    visible = agents_visible_to(person).values_list("pk", "name")
    offered = visible.filter(mode=mode)[:AGENTS_OFFERED]
    return list(dict([*offered, *visible.filter(pk=asked_for)]).items())


def _undecidable(rows: Iterable[Transaction], person: User) -> frozenset[str]:
    """Return the approval requests of these rows that nobody can decide on."""
    pending = Transaction.Status.PENDING_APPROVAL
    waiting = [row.approval.pk for row in rows if row.status == pending]
    return nobody_decides(waiting, now=timezone.now(), first=person)


@require_safe
@login_required
def transaction_detail(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """Show one transaction with its verdict and its later events."""
    person = person_of(request)
    row = transaction_for(person, transaction_id)
    approval = getattr(row, "approval", None)
    waits = row.status == Transaction.Status.PENDING_APPROVAL
    imitated = imitated_by(row, person, now=timezone.now()) if waits else ""
    values = _give_back_values(row) | {
        "transaction": row,
        "decision": row.decision,
        "approval": approval,
        "policy": row.decision.policy_version,
        "is_undecidable": approval is not None and waits and waits_for_nobody(approval),
        "imitated": imitated,
        "worst": worst_of(
            (finding["code"] for finding in row.decision.findings), imitated=imitated
        )
        if row.decision.outcome == "hold"
        else None,
        "events": timeline([row.pk, *([approval.pk] if approval else [])]),
    }
    return render(request, "transactions/transaction_detail.html", values)


def _give_back_values(row: Transaction) -> dict[str, Any]:
    """Return template values: amounts to void and refund, and an idempotency key.

    The key makes a double submission harmless. The template checks the permission.
    """
    money = getattr(row, "reservation", None)
    is_held = row.status in HELD_MONEY
    return {
        "voidable_minor": money.outstanding_minor if money and is_held else 0,
        "refundable_minor": money.taken_minor - money.refunded_minor if money else 0,
        "key": secrets.token_urlsafe(24),
    }


@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show figures of the day (UTC) in a person's scope, and the last transactions."""
    person, now, mode = person_of(request), timezone.now(), mode_asked(request)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    visible = transactions_visible_to(person).filter(agent__mode=mode)
    recent = visible.select_related("agent", "decision", "approval")
    day = dashboard_for(person, since=midnight, mode=mode)
    hours = decisions_by_hour(person, now=now, mode=mode)
    values = {
        "mode": mode,
        "day": day,
        "hours": hours,
        "most": max(hour.total for hour in hours),
        "segments": stack([hour.outcomes for hour in hours]),
        "recent": recent[:RECENT],
        "undecidable": day.waiting.undecidable,
    }
    return render(request, "transactions/dashboard.html", values)
