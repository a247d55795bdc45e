"""Approval pages: the queue, one held transaction, and several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.models import User
from accounts.permissions import person_of
from agents.modes import mode_asked
from agents.policy.core.policy import policy_sentences
from agents.policy.core.words import spoken_amount
from agents.queries import locks_over
from audit.base.errors import DomainError, NotFound
from audit.base.pages import requested_page
from audit.base.refused import ParameterRefused
from audit.queries.reading import timeline
from audit.services.recording import record_forbidden
from security.limits.form_limits import limit_form
from security.step_up import require_step_up
from transactions.approvals.core.danger import worst_of
from transactions.approvals.core.meter import Meter, measure
from transactions.approvals.forms import SelectionForm, VerdictForm
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import (
    approval_for,
    approval_queue,
    approval_votes,
    etag_of,
    page_digest,
    progress_of,
    with_details,
    with_votes,
)
from transactions.approvals.queries.waiting import (
    Held,
    imitated_by,
    waiting_for,
    waits_for_nobody,
    worst_first,
)
from transactions.approvals.services.approvals import (
    approve,
    deny_approval,
    view_approval,
)
from transactions.approvers.core.levels import needs_step_up
from transactions.approvers.queries import APPROVE
from transactions.budgets.queries.budgets import Level, levels_of
from transactions.simulation.queries import merchant_trial
from transactions.spending.models import Transaction
from transactions.spending.representation import approvals_given

PAGE_SIZE = 50
# The parts of the queue: this person's, all, and those that nobody can decide.
PARTS = ("", "all", "nobody")


@require_safe
@login_required
@permission_required(APPROVE, raise_exception=True)
def approval_queue_page(request: HttpRequest) -> HttpResponse:
    """Show the requests that wait for this person, or all, the worst on top."""
    return _queue_page(request, SelectionForm())


class Row(NamedTuple):
    """A line of the queue."""

    approval: ApprovalRequest
    digest: str
    given: int
    held: Held
    is_own: bool
    is_undecidable: bool


def _queue_page(
    request: HttpRequest, form: SelectionForm, *, status: int = 200
) -> HttpResponse:
    now, show = timezone.now(), request.GET.get("show", "")
    if show not in PARTS:
        raise ParameterRefused("“show” is all or nobody.")
    mode = mode_asked(request)
    waiting = waiting_for(person_of(request), now=now, mode=mode)
    page = requested_page(worst_first(waiting, show), request, size=PAGE_SIZE)
    found = with_votes(with_details(ApprovalRequest.objects.all()))
    approvals = found.in_bulk([held.id for held in page.object_list])
    rows = [
        Row(
            approvals[held.id],
            etag_of(approvals[held.id]),
            approvals_given(approvals[held.id]),
            held,
            held.id in waiting.own,
            held.id in waiting.undecidable,
        )
        for held in page.object_list
    ]
    values = {"page": page, "rows": rows, "now": now, "form": form}
    values |= {"show": show, "mode": mode, "waiting": waiting}
    return render(request, "transactions/approval_queue.html", values, status=status)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one of several approvals."""

    approval_id: str
    approval: ApprovalRequest | None
    message: str
    mood: str


@require_POST
@login_required
@permission_required(APPROVE, raise_exception=True)
@limit_form("high_risk")
def approve_selected(request: HttpRequest) -> HttpResponse:
    """Approve several requests, each on its own, and show the result of each.

    If one needs a recent step-up proof, it is required before any is approved.
    """
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _queue_page(request, form, status=400)
    person, items = person_of(request), form.cleaned_data["item"]
    queue = approval_queue(person, now=timezone.now())
    chosen = queue.filter(pk__in=[approval_id for approval_id, _ in items])
    if any(map(_needs_step_up, chosen)):
        require_step_up(person)
    reason = form.cleaned_data["reason"]
    results = [_approve_one(request, *item, reason=reason) for item in items]
    values = {"results": results}
    return render(request, "transactions/approval_results.html", values)


def _needs_step_up(approval: ApprovalRequest) -> bool:
    row = approval.transaction
    return needs_step_up(row.amount_minor, row.currency)


def _approve_one(
    request: HttpRequest, approval_id: str, digest: str, *, reason: str
) -> Result:
    person = person_of(request)
    try:
        approval = approve(
            approval_id, acting=person, reason=reason, expected_digest=digest
        )
    except DomainError as error:
        if error.ends_page:
            raise
        record_forbidden(request, error)
        return Result(approval_id, _found(person, approval_id), error.detail, "deny")
    mood = "hold" if approval.status == ApprovalRequest.Status.WAITING else "allow"
    return Result(approval_id, approval, _success_text(approval, approves=True), mood)


def _found(person: User, approval_id: str) -> ApprovalRequest | None:
    try:
        return approval_for(person, approval_id)
    except NotFound:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@limit_form("high_risk")
def approval_detail(request: HttpRequest, approval_id: str) -> HttpResponse:
    """Show a held transaction, or approve or deny it."""
    person = person_of(request)
    if not person.has_perm(APPROVE):
        approval_for(person, approval_id)
        raise PermissionDenied
    if request.method == "POST":
        return _answer(request, approval_id)
    approval = view_approval(approval_id, acting=person)
    return _approval_page(request, approval, VerdictForm())


def _answer(request: HttpRequest, approval_id: str) -> HttpResponse:
    """Approve or deny; on an error show the current page with the entered reason."""
    person = person_of(request)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        approval = approval_for(person, approval_id)
        return _approval_page(request, approval, form, status=400)
    approves = form.cleaned_data["verdict"] == VerdictForm.APPROVE
    act = approve if approves else deny_approval
    try:
        approval = act(
            approval_id,
            acting=person,
            reason=form.cleaned_data["reason"],
            expected_digest=form.cleaned_data["expected_digest"],
        )
    except DomainError as error:
        if error.ends_page or isinstance(error, NotFound):
            raise
        return _refused(request, approval_id, form, error)
    messages.success(request, _success_text(approval, approves=approves))
    return redirect("transactions:approval-queue")


def _refused(
    request: HttpRequest,
    approval_id: str,
    form: VerdictForm,
    error: DomainError,
) -> HttpResponse:
    record_forbidden(request, error)
    form.add_error(None, error.detail)
    approval = approval_for(person_of(request), approval_id)
    return _approval_page(request, approval, form, status=error.status)


def _success_text(approval: ApprovalRequest, *, approves: bool) -> str:
    row = approval.transaction
    amount = spoken_amount(row.amount_minor, row.currency)
    if not approves:
        return f"Denied: {row.agent} may not spend {amount}."
    if approval.status == ApprovalRequest.Status.WAITING:
        return f"You approved {amount} for {row.agent}. Others must approve it, too."
    return f"Approved: {row.agent} may spend {amount}."


def _approval_page(
    request: HttpRequest,
    approval: ApprovalRequest,
    form: VerdictForm,
    *,
    status: int = 200,
) -> HttpResponse:
    person, row, now = person_of(request), approval.transaction, timezone.now()
    is_waiting = approval.status == ApprovalRequest.Status.WAITING
    is_open = is_waiting and approval.expires_at > now
    imitated = imitated_by(row, person, now=now) if is_open else ""
    levels = levels_of(row)
    values = {
        "approval": approval,
        "transaction": row,
        "decision": row.decision,
        "form": form,
        "digest": page_digest(approval, levels),
        "is_late": is_waiting and not is_open,
        "before": row.decision.inputs["facts"]["merchant"],
        "events": timeline([row.pk, approval.pk]),
        "locks": locks_over(row.agent, merchant=row.merchant_key) if is_open else (),
        "imitated": imitated,
        "worst": worst_of(
            (finding["code"] for finding in row.decision.findings), imitated=imitated
        ),
        "trial": merchant_trial(row) if is_open else None,
        **_progress_values(approval, person, is_open=is_open),
        **_limits(row, levels),
    }
    return render(request, "transactions/approval_detail.html", values, status=status)


def _progress_values(
    approval: ApprovalRequest, person: User, *, is_open: bool
) -> dict[str, Any]:
    """Return template values: the votes so far, and what this person may do."""
    if not is_open:
        return {"votes": approval_votes(approval), "may_decide": False}
    progress = progress_of(approval, person, now=timezone.now())
    return {
        "is_undecidable": not progress.may_approve and waits_for_nobody(approval),
        "progress": progress,
        "votes": progress.votes,
        "may_decide": progress.may_deny,
    }


def _limits(row: Transaction, levels: Sequence[Level]) -> dict[str, object]:
    """Return template values: the policy in force in words, and the use of limits."""
    policy = row.agent.policy_version
    return {
        "policy": policy,
        "sentences": policy_sentences(policy.terms) if policy else (),
        "meters": [(level, _meter(row, level)) for level in levels],
    }


def _meter(row: Transaction, level: Level) -> Meter:
    is_counted = row.status == Transaction.Status.PENDING_APPROVAL
    whole = row.amount_minor if level.currency else 1
    own = whole if is_counted else 0
    return measure(limit=level.limit, used=level.used - own, asked=own)
