"""The page to hand an agent over to another owner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.permissions import person_of
from accounts.queries import owners_visible_to
from agents.models import Agent
from agents.queries import agent_for
from agents.services.hand_overs import PERMISSION
from audit.base.errors import DomainError
from security.changes.models import ChangeRequest
from security.limits.form_limits import limit_form
from transactions.budgets.queries.budgets import (
    shared_budgets_for,
    shared_levels,
    used_minor,
)
from transactions.hand_overs.forms import HandOverForm
from transactions.hand_overs.services import hand_over_agent

OWNERS_OFFERED = 200


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@limit_form("high_risk")
def agent_hand_over(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the consequences of a hand-over (shared budgets, for example), or ask."""
    person = person_of(request)
    agent = agent_for(person, agent_id)
    if not person.has_perm(PERMISSION):
        raise PermissionDenied
    owners = _owners_offered(person, agent)
    if request.method != "POST":
        return _page(request, agent, HandOverForm(owners=owners))
    form = HandOverForm(request.POST, owners=owners)
    if not form.is_valid():
        return _page(request, agent, form, status=400)
    try:
        outcome = hand_over_agent(
            agent_id,
            owner_id=form.cleaned_data["owner"],
            reason=form.cleaned_data["reason"],
            acting=person,
        )
    except DomainError as error:
        if error.ends_page:
            raise
        form.add_error(None, error.detail)
        return _page(request, agent, form, status=error.status)
    if isinstance(outcome, ChangeRequest):
        messages.success(request, "Requested. A second person must approve it.")
        return redirect("security:change-detail", outcome.pk)
    messages.success(request, f"{agent.name} has another owner.")
    return redirect("agents:agent-detail", agent_id)


def _owners_offered(person: User, agent: Agent) -> list[User]:
    people = owners_visible_to(person).filter(is_active=True).exclude(pk=agent.owner_id)
    return list(people.select_related("team").order_by("username")[:OWNERS_OFFERED])


def _page(
    request: HttpRequest, agent: Agent, form: HandOverForm, *, status: int = 200
) -> HttpResponse:
    budgets = shared_budgets_for(person_of(request)).filter(is_active=True)
    levels = [
        (budget, max(budget.limit_minor - used_minor(counted, is_shared=True), 0))
        for budget, counted in shared_levels(budgets)
    ]
    values = {"agent": agent, "form": form, "levels": levels}
    return render(request, "transactions/agent_hand_over.html", values, status=status)
