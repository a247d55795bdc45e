"""Pages to delegate approvals, and to revoke delegations."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import person_of
from security.limits.form_limits import limit_form
from transactions.approvers.forms import DelegationForm
from transactions.approvers.queries import APPROVE, delegations_of, possible_delegates
from transactions.approvers.services.delegations import (
    create_delegation,
    revoke_delegation,
)
from transactions.errors import DelegationEnded, DelegationRefused

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(APPROVE, raise_exception=True)
@limit_form("high_risk")
def delegation_list(request: HttpRequest) -> HttpResponse:
    """Show the delegations from and to a person, or create one."""
    delegates = list(possible_delegates(person_of(request)))
    if request.method != "POST":
        return _page(request, DelegationForm(delegates=delegates))
    form = DelegationForm(request.POST, delegates=delegates)
    if not form.is_valid():
        return _page(request, form, status=400)
    given = form.cleaned_data
    try:
        delegation = create_delegation(
            given["delegate"],
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            reason=given["reason"],
            acting=person_of(request),
        )
    except DelegationRefused as error:
        form.add_error((error.pointer or "").strip("/") or None, error.detail)
        return _page(request, form, status=400)
    messages.success(request, f"{delegation.delegate} decides for you.")
    return redirect("transactions:approval-delegations")


@require_POST
@login_required
@permission_required(APPROVE, raise_exception=True)
@limit_form("default")
def delegation_revoke(request: HttpRequest, delegation_id: str) -> HttpResponse:
    """End a delegation immediately."""
    try:
        revoke_delegation(delegation_id, acting=person_of(request))
    except DelegationEnded as error:
        messages.warning(request, error.detail)
    else:
        messages.success(request, "That delegation has ended.")
    return redirect("transactions:approval-delegations")


def _page(
    request: HttpRequest, form: DelegationForm, *, status: int = 200
) -> HttpResponse:
    values = {
        "form": form,
        "delegations": delegations_of(person_of(request))[:SHOWN],
        "now": timezone.now(),
    }
    return render(request, "transactions/delegations.html", values, status=status)
