from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import (
    Agent,
    AgentCredential,
    Function,
    FunctionVersion,
    PolicyVersion,
)
from agents.services.agents import lock_agent
from agents.services.credentials import IssuedCredential
from audit.models import AuditEvent
from security.locks.queries import live_locks
from tests.browsing import sign_in
from tests.factories import TRANSFER_SCHEMA, make_function


@pytest.fixture
def console(alice: Any) -> Client:
    client = Client()
    sign_in(client, alice)
    return client


def act(console: Client, model: str, action: str, key: str, **more: str) -> Any:
    return console.post(
        reverse(f"admin:agents_{model}_changelist"),
        {"action": action, "_selected_action": [key], **more},
    )


def test_every_list_and_form_opens(
    console: Client, alice: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    make_function(acting=alice)

    for model in (Agent, AgentCredential, PolicyVersion, Function, FunctionVersion):
        name = model._meta.model_name
        row = model.objects.get()
        for address in (
            reverse(f"admin:agents_{name}_changelist"),
            reverse(f"admin:agents_{name}_change", args=[row.pk]),
        ):
            answer = console.get(address)
            assert answer.status_code == 200, address
            text = answer.content.decode()
            assert credential.client_secret not in text
            assert credential.signing_secret not in text
            assert AgentCredential.objects.get().secret_hash not in text


def test_an_agent_is_made_by_the_service(
    console: Client, alice: Any, carol: Any
) -> None:
    answer = console.post(
        reverse("admin:agents_agent_add"),
        {"name": "shopping", "owner": carol.pk, "mode": "test"},
    )

    assert answer.status_code == 302
    agent = Agent.objects.get()
    assert (agent.owner, agent.created_by, agent.mode) == (carol, alice, "test")
    assert AuditEvent.objects.get(action="agent.created").target_id == agent.pk


def test_a_name_that_is_taken_is_told(
    console: Client, carol: Any, shopping: Agent
) -> None:
    answer = console.post(
        reverse("admin:agents_agent_add"),
        {"name": "shopping", "owner": carol.pk, "mode": "live"},
    )

    assert answer.status_code == 200
    assert 'value="shopping"' in answer.content.decode()
    errors = answer.context["adminform"].form.errors
    assert errors == {"__all__": ["Agent with this Owner and Name already exists."]}
    assert Agent.objects.count() == 1


def test_c4_a_form_changes_name_and_activity_only(
    console: Client, eve: Any, carol: Any, shopping: Agent
) -> None:
    answer = console.post(
        reverse("admin:agents_agent_change", args=[shopping.pk]),
        {
            "name": "buying",
            "owner": eve.pk,
            "mode": "test",
            "credentials-TOTAL_FORMS": "0",
            "credentials-INITIAL_FORMS": "0",
        },
    )

    assert answer.status_code == 302
    shopping.refresh_from_db()
    assert (shopping.name, shopping.is_active) == ("buying", False)
    assert (shopping.owner, shopping.mode) == (carol, "live")
    assert AuditEvent.objects.filter(action="agent.updated").count() == 1


def test_a_lock_needs_a_reason(console: Client, shopping: Agent) -> None:
    act(console, "agent", "lock", shopping.pk)
    assert not live_locks("agent", shopping.pk).exists()

    act(console, "agent", "lock", shopping.pk, reason="Odd spending")
    assert live_locks("agent", shopping.pk).get().reason == "Odd spending"

    act(console, "agent", "unlock", shopping.pk, reason="Explained")
    assert not live_locks("agent", shopping.pk).exists()


def test_a_credential_is_revoked(console: Client, credential: IssuedCredential) -> None:
    act(console, "agentcredential", "revoke", credential.id)

    assert AgentCredential.objects.get().revoked_at is not None
    assert AuditEvent.objects.filter(action="credential.revoked").count() == 1


def test_a_function_and_a_version_are_added_by_services(
    console: Client, alice: Any
) -> None:
    schema = json.dumps(TRANSFER_SCHEMA)
    console.post(
        reverse("admin:agents_function_add"),
        {"name": "transfer", "description": "", "effect": "send", "schema": schema},
    )
    function = Function.objects.get()
    console.post(
        reverse("admin:agents_functionversion_add"),
        {"function": function.pk, "effect": "admin", "schema": schema},
    )
    console.post(
        reverse("admin:agents_function_change", args=[function.pk]), {"name": "other"}
    )

    function.refresh_from_db()
    assert (function.name, function.is_enabled) == ("transfer", False)
    assert function.current_version is not None
    assert function.current_version.number == 2
    assert function.current_version.created_by == alice


def test_a_dangerous_schema_is_told_and_not_kept(console: Client) -> None:
    answer = console.post(
        reverse("admin:agents_function_add"),
        {"name": "transfer", "effect": "send", "schema": '{"type": "string"}'},
        follow=True,
    )

    assert "Parameters are an object." in answer.content.decode()
    assert not Function.objects.exists()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("[" * 100_000, "nested deeper than 32 levels"),
        (r'{"type": "\ud800"}', "/type: A text contains half of a surrogate pair."),
        ('{"type": "object", "type": "array"}', "the same key twice"),
    ],
)
@pytest.mark.parametrize("page", ["function", "functionversion"])
def test_a_schema_is_read_as_the_api_reads_it(
    console: Client, alice: Any, page: str, schema: str, told: str
) -> None:
    function = make_function(acting=alice)
    before = FunctionVersion.objects.count()
    form = {"name": "other", "function": function.pk, "effect": "send"}

    answer = console.post(
        reverse(f"admin:agents_{page}_add"), {**form, "schema": schema}
    )

    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert schema in html.unescape(answer.content.decode())
    assert FunctionVersion.objects.count() == before


def test_n1_history_has_no_add_change_or_delete(
    console: Client, shopping: Agent, credential: IssuedCredential
) -> None:
    version = PolicyVersion.objects.get()

    for name, key in (
        ("policyversion", version.pk),
        ("agentcredential", credential.id),
        ("agent", shopping.pk),
    ):
        delete = reverse(f"admin:agents_{name}_delete", args=[key])
        assert console.post(delete, {"post": "yes"}).status_code == 403
    for name in ("policyversion", "agentcredential"):
        assert console.get(reverse(f"admin:agents_{name}_add")).status_code == 403
    change = reverse("admin:agents_policyversion_change", args=[version.pk])
    assert console.post(change, {"number": 7}).status_code == 403
    assert Agent.objects.filter(pk=shopping.pk).exists()


def test_n2_others_than_staff_see_no_console(bob: Any, shopping: Agent) -> None:
    client = Client()
    sign_in(client, bob)

    for name in ("agent", "agentcredential", "policyversion", "function"):
        page = reverse(f"admin:agents_{name}_changelist")
        answer = client.get(page, follow=True)
        assert answer.redirect_chain == [(f"/admin/login/?next={page}", 302)]
        assert answer.status_code == 403
    lock_agent(shopping.pk, reason="still possible elsewhere", acting=bob)


def test_a_policy_is_shown_in_words(console: Client, shopping: Agent) -> None:
    version = PolicyVersion.objects.get()

    for address in (
        reverse("admin:agents_policyversion_change", args=[version.pk]),
        reverse("admin:agents_agent_change", args=[shopping.pk]),
    ):
        page = console.get(address).content.decode()
        assert "<li>Each transaction: At most" in page
        assert (
            "[" not in page.partition("<li>Each transaction")[2].partition("</ul>")[0]
        )


def test_a_locked_agent_is_told_in_words(console: Client, shopping: Agent) -> None:
    address = reverse("admin:agents_agent_changelist")
    free = console.get(address).content.decode()
    act(console, "agent", "lock", shopping.pk, reason="Odd spending")
    locked = console.get(address).content.decode()

    assert '<td class="field-is_locked">–</td>' in free
    assert '<td class="field-is_locked">Locked</td>' in locked


def test_a_new_version_begins_with_no_parameters(console: Client) -> None:
    for model in ("function", "functionversion"):
        page = console.get(reverse(f"admin:agents_{model}_add"))
        assert page.context["adminform"].form.get_initial_for_field(
            page.context["adminform"].form.fields["schema"], "schema"
        ) == {"type": "object", "properties": {}}
