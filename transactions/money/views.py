"""The form with which people give money back in an agent's place."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.permissions import person_of
from audit.base.errors import DomainError
from security.limits.form_limits import limit_form
from transactions.money.forms import GiveBackForm
from transactions.money.services.giving_back import PERMISSION, refund, void
from transactions.spending.queries.reading import transaction_for


@require_POST
@login_required
@permission_required(PERMISSION, raise_exception=True)
@limit_form("high_risk")
def give_back(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """Void or refund, then show the transaction with the result or the error."""
    form = GiveBackForm(request.POST)
    transaction_for(person_of(request), transaction_id)
    try:
        if form.is_valid():
            messages.success(request, _perform(request, transaction_id, form))
        else:
            messages.error(request, f"Not done. {_first_error(form)}")
    except DomainError as error:
        if error.ends_page:
            raise
        messages.error(request, f"Not done. {error.detail}")
    return redirect("transactions:transaction-detail", transaction_id)


def _perform(request: HttpRequest, transaction_id: str, form: GiveBackForm) -> str:
    """Void or refund as the form says; return the success message."""
    person, given = person_of(request), form.cleaned_data
    if given["step"] == GiveBackForm.VOID:
        void(
            transaction_id,
            reason=given["reason"],
            acting=person,
            idempotency_key=given["key"],
        )
        return "Voided: what was set aside is given back."
    refund(
        transaction_id,
        amount=given["amount"] or None,
        reason=given["reason"],
        acting=person,
        idempotency_key=given["key"],
    )
    return "The refund is recorded."


def _first_error(form: GiveBackForm) -> str:
    return next(str(errors[0]) for errors in form.errors.values())
