"""Pages: what waits for a human, what was asked and decided, the day at a glance."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from agents.core.policy_words import policy_sentences, spoken_amount
from agents.models import Agent
from agents.queries import agents_visible_to, terms_of
from audit.errors import DomainError, NotFound
from audit.queries import timeline
from audit.services import record_refusal
from security.form_limits import limit_form
from transactions import services
from transactions.core.meter import Meter, measure
from transactions.core.plot import stack
from transactions.errors import (
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    NotAllowedToApprove,
    StillRefused,
)
from transactions.forms import TransactionFilterForm, VerdictForm
from transactions.models import ApprovalRequest, Transaction
from transactions.queries import (
    Level,
    approval_for,
    approval_queue,
    dashboard_for,
    decisions_by_hour,
    etag_of,
    levels_of,
    page_of_transactions,
    transaction_for,
    transactions_visible_to,
)

APPROVE = "transactions.approve_transaction"
PAGE_SIZE = 50
RECENT = 8
AGENTS_OFFERED = 200


@require_safe
@login_required
@permission_required(APPROVE, raise_exception=True)
def approval_queue_page(request: HttpRequest) -> HttpResponse:
    """Show what waits for this person's word, what expires first on top."""
    queue = approval_queue(_person(request))
    page = Paginator(queue, PAGE_SIZE).get_page(request.GET.get("page"))
    values = {"page": page, "now": timezone.now()}
    return render(request, "transactions/approval_queue.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@limit_form("high_risk")
def approval_detail(request: HttpRequest, approval_id: str) -> HttpResponse:
    """Show a held transaction, or take a person's word on it."""
    person = _person(request)
    try:
        if not person.has_perm(APPROVE):
            approval_for(person, approval_id)
            raise PermissionDenied
        if request.method == "POST":
            return _answer(request, approval_id)
        approval = services.view_approval(approval_id, acting=person)
    except NotFound as error:
        raise Http404 from error
    return _approval_page(request, approval, VerdictForm())


def _answer(request: HttpRequest, approval_id: str) -> HttpResponse:
    """Approve or deny; a refusal shows the page as it is now, the reason kept."""
    person = _person(request)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        approval = approval_for(person, approval_id)
        return _approval_page(request, approval, form, status=400)
    approves = form.cleaned_data["verdict"] == VerdictForm.APPROVE
    act = services.approve if approves else services.deny_approval
    try:
        approval = act(
            approval_id,
            acting=person,
            reason=form.cleaned_data["reason"],
            expected_digest=form.cleaned_data["expected_digest"],
        )
    except NotAllowedToApprove as error:
        record_refusal(
            method=request.method, path=request.path, status=403, code=error.code
        )
        return _refused(request, approval_id, form, error, status=403)
    except (ApprovalChanged, ApprovalResolved, ApprovalExpired, StillRefused) as error:
        return _refused(request, approval_id, form, error, status=409)
    messages.success(request, _told(approval, approves=approves))
    return redirect("transactions:approval-queue")


def _refused(
    request: HttpRequest,
    approval_id: str,
    form: VerdictForm,
    error: DomainError,
    *,
    status: int,
) -> HttpResponse:
    form.add_error(None, error.detail)
    approval = approval_for(_person(request), approval_id)
    return _approval_page(request, approval, form, status=status)


def _told(approval: ApprovalRequest, *, approves: bool) -> str:
    asked = approval.transaction
    amount = spoken_amount(asked.amount_minor, asked.currency)
    if approves:
        return f"Approved: {asked.agent} may spend {amount}."
    return f"Denied: {asked.agent} may not spend {amount}."


def _approval_page(
    request: HttpRequest,
    approval: ApprovalRequest,
    form: VerdictForm,
    *,
    status: int = 200,
) -> HttpResponse:
    person, asked, now = _person(request), approval.transaction, timezone.now()
    is_waiting = approval.status == ApprovalRequest.Status.WAITING
    involved = (asked.agent.owner_id, asked.agent.created_by_id)
    is_own = person.pk in (*involved, asked.credential.created_by_id)
    is_late = is_waiting and approval.expires_at <= now
    values = {
        "approval": approval,
        "transaction": asked,
        "decision": asked.decision,
        "form": form,
        "digest": etag_of(approval),
        "is_own": is_own,
        "is_late": is_late,
        "may_decide": is_waiting and not is_late and not is_own,
        "before": asked.decision.inputs["facts"]["merchant"],
        "events": timeline([asked.pk, approval.pk]),
        **_limits(asked),
    }
    return render(request, "transactions/approval_detail.html", values, status=status)


def _limits(asked: Transaction) -> dict[str, object]:
    """Return the policy in force, in words, and how far each of its limits is used."""
    policy = asked.agent.policy_version
    return {
        "policy": policy,
        "sentences": policy_sentences(terms_of(policy)) if policy else (),
        "meters": [(level, _meter(asked, level)) for level in levels_of(asked)],
    }


def _meter(asked: Transaction, level: Level) -> Meter:
    is_counted = asked.status == Transaction.Status.PENDING_APPROVAL
    whole = asked.amount_minor if level.currency else 1
    own = whole if is_counted else 0
    return measure(limit=level.limit, used=level.used - own, asked=own)


@require_safe
@login_required
def transaction_list(request: HttpRequest) -> HttpResponse:
    """Show what was asked in a person's scope, newest first."""
    person = _person(request)
    offered = _agents_offered(person, request.GET.get("agent", ""))
    form = TransactionFilterForm(request.GET, agents=offered)
    chosen = form.chosen if form.is_valid() else {}
    before = request.GET.get("before", "")
    rows = (
        page_of_transactions(person, filters=chosen, before=before, size=PAGE_SIZE)
        if form.is_valid()
        else []
    )
    older = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else ""
    values = {
        "form": form,
        "rows": rows[:PAGE_SIZE],
        "before": before,
        "older": urlencode(chosen | {"before": older}) if older else "",
        "newest": urlencode(chosen),
    }
    return render(request, "transactions/transaction_list.html", values)


def _agents_offered(person: User, asked_for: str) -> list[tuple[str, str]]:
    """Return the live agents to filter by, and the one asked for if it is visible."""
    visible = agents_visible_to(person).values_list("pk", "name")
    live = visible.filter(mode=Agent.Mode.LIVE)[:AGENTS_OFFERED]
    return list(dict([*live, *visible.filter(pk=asked_for)]).items())


@require_safe
@login_required
def transaction_detail(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """Show one transaction with the verdict on it and everything that followed."""
    try:
        asked = transaction_for(_person(request), transaction_id)
    except NotFound as error:
        raise Http404 from error
    approval = getattr(asked, "approval", None)
    values = {
        "transaction": asked,
        "decision": asked.decision,
        "approval": approval,
        "policy": asked.decision.policy_version,
        "events": timeline([asked.pk, *([approval.pk] if approval else [])]),
    }
    return render(request, "transactions/transaction_detail.html", values)


@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show a person's day (UTC) in numbers, and what was asked last."""
    person, now = _person(request), timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = transactions_visible_to(person).select_related(
        "agent", "decision", "approval"
    )
    hours = decisions_by_hour(person, now=now)
    values = {
        "day": dashboard_for(person, since=midnight),
        "hours": hours,
        "most": max(hour.total for hour in hours),
        "segments": stack([hour.outcomes for hour in hours]),
        "recent": recent[:RECENT],
    }
    return render(request, "transactions/dashboard.html", values)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required.
    return request.user
