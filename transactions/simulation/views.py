"""The page to try a draft policy on an agent's past requests."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.permissions import person_of
from agents.models import Agent
from agents.policy.core.policy import to_wire
from agents.queries import agent_for
from security.limits.form_limits import limit_form
from transactions.simulation.forms import SimulationForm
from transactions.simulation.queries import SimulationResult
from transactions.simulation.services import DAYS, simulate_policy


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@limit_form("high_risk")
def policy_simulation(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show a draft policy to edit, and its simulated results; nothing is saved."""
    person = person_of(request)
    agent = agent_for(person, agent_id)
    if request.method != "POST":
        form = SimulationForm(initial={"policy": _draft(agent), "days": DAYS})
        return _page(request, agent, form)
    form = SimulationForm(request.POST)
    if not form.is_valid():
        return _page(request, agent, form, status=400)
    simulated = simulate_policy(
        agent_id,
        form.cleaned_data["policy"],
        days=form.cleaned_data["days"],
        acting=person,
    )
    return _page(request, agent, form, simulated=simulated)


def _page(
    request: HttpRequest,
    agent: Agent,
    form: SimulationForm,
    *,
    status: int = 200,
    simulated: SimulationResult | None = None,
) -> HttpResponse:
    values = {"agent": agent, "form": form, "simulated": simulated}
    template = "transactions/policy_simulation.html"
    return render(request, template, values, status=status)


def _draft(agent: Agent) -> str:
    """Return the policy in force as JSON, or an empty object if there is none."""
    version = agent.policy_version
    return json.dumps(to_wire(version.terms) if version else {}, indent=2)
