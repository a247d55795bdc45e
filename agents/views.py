"""Pages about agents: identity, policy, and what stops them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from agents.modes import mode_asked
from agents.policy.core.policy import policy_sentences
from agents.queries import (
    agent_for,
    agents_visible_to,
    locks_on,
    locks_over,
    policy_versions,
)
from audit.base.pages import requested_page

PAGE_SIZE = 50
VERSIONS_SHOWN = 20


@require_safe
@login_required
def agent_list(request: HttpRequest) -> HttpResponse:
    """Show the agents in a person's scope, with their limits and locks."""
    mode = mode_asked(request)
    agents = agents_visible_to(_person(request)).filter(mode=mode)
    with_policy = agents.select_related("owner", "policy_version")
    page = requested_page(with_policy, request, size=PAGE_SIZE)
    locks = locks_on(page.object_list)
    rows = [(agent, locks.get(agent.pk)) for agent in page.object_list]
    values = {"page": page, "rows": rows, "mode": mode}
    return render(request, "agents/agent_list.html", values)


@require_safe
@login_required
def agent_detail(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show one agent: its policy in words, every version, and what locks it."""
    agent = agent_for(_person(request), agent_id)
    version = agent.policy_version
    values = {
        "agent": agent,
        "policy": version,
        "sentences": policy_sentences(version.terms) if version else (),
        "versions": policy_versions(agent)[:VERSIONS_SHOWN],
        "locks": locks_over(agent),
    }
    return render(request, "agents/agent_detail.html", values)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required.
    return request.user
