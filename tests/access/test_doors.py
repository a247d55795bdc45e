"""C6, C12, C13: each view has a permission, a dry run no effect, a page one address."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.permissions import AllowAny
from rest_framework.schemas.generators import EndpointEnumerator
from rest_framework.views import APIView

from agents.models import AgentCredential
from audit.base.media_types import ProblemNegotiation
from tests.access.routes import all_routes, openapi_path
from tests.declared import document
from tests.factories import make_agent, make_agent_token, make_credential
from tests.flows.requests import app_rows
from tests.house.source import APPS

pytestmark = pytest.mark.usefixtures("spacious_limits")

# A client without a token gets one here; the schema says no more than the source.
FOR_EVERYBODY = {
    "api/v1/auth/token/",
    "api/v1/auth/token/refresh/",
    "api/v1/auth/agent-token/",
    "api/v1/auth/csrf/",
    "api/v1/schema/",
}


NAMED = {"permission_classes", "get_permissions"}
METHODS = {"get", "post", "put", "patch", "delete"}


def subclasses(kind: type) -> set[type]:
    found = set(kind.__subclasses__())
    return found.union(*(subclasses(child) for child in found)) if found else found


def below_api_view(kind: type) -> list[type]:
    return [one for one in kind.mro() if one is not APIView]


def api_routes() -> dict[str, Any]:
    return {
        pattern: route.view
        for pattern, route in all_routes().items()
        if pattern.startswith("api/v1/")
    }


def test_c6_every_view_of_the_api_names_who_may_use_it():
    open_to_all, unnamed = set(), set()
    for pattern, view in api_routes().items():
        permissions = getattr(view, "initkwargs", {}).get(
            "permission_classes", view.cls.permission_classes
        )
        if not permissions or AllowAny in permissions:
            open_to_all.add(pattern)
        if not any(NAMED & vars(kind).keys() for kind in below_api_view(view.cls)):
            unnamed.add(pattern)

    assert len(api_routes()) > 40
    assert open_to_all == FOR_EVERYBODY
    assert unnamed == set()


def test_c6_the_walk_sees_every_view_that_is_mounted():
    walked = {
        (openapi_path(pattern), view.cls) for pattern, view in api_routes().items()
    }

    # As REST framework finds them for its schema.
    mounted = {
        (path, callback.cls)
        for path, _, callback in EndpointEnumerator().get_api_endpoints()
        if path.startswith("/api/v1/")
    }
    assert len(mounted) > 40
    assert walked == mounted


def test_c6_every_view_of_the_api_is_mounted():
    def ours(kinds):
        return {
            kind
            for kind in kinds
            if kind.__module__.split(".")[0] in APPS and METHODS & vars(kind).keys()
        }

    defined = ours(subclasses(APIView))

    assert defined == ours(view.cls for view in api_routes().values())
    assert len(defined) > 40


def test_every_view_can_be_asked_for_the_media_types_that_it_answers():
    """A client that accepts what the schema names gets it, not 406."""
    operations = document()["paths"]
    refused = {
        (pattern, media)
        for pattern, view in api_routes().items()
        for operation in operations.get(openapi_path(pattern), {}).values()
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for media in answer.get("content", {})
        if media not in {kind.media_type for kind in view.cls.renderer_classes}
    }

    assert len(operations) > 40
    assert refused == set()


@pytest.mark.parametrize(
    ("path", "accept", "status", "media"),
    [
        ("me/", "application/problem+json", 200, "application/json"),
        ("me/", "application/json, application/problem+json", 200, "application/json"),
        ("me/", "text/plain", 406, "application/problem+json"),
        ("agents/none/", "application/problem+json", 404, "application/problem+json"),
    ],
)
def test_who_accepts_problems_alone_is_answered(
    path, accept, status, media, client_for, bob
):
    """As generated clients do where success has no body, or no JSON."""
    answer = client_for(bob).get(f"/api/v1/{path}", headers={"Accept": accept})

    assert (answer.status_code, answer["Content-Type"]) == (status, media)


def test_every_view_chooses_alike_what_it_answers_in():
    kinds = {view.cls.content_negotiation_class for view in api_routes().values()}

    assert kinds == {ProblemNegotiation}


# Evaluated anywhere, it would say 1787569.
HOSTILE = "{{1337*1337}} ${1337*1337} <%= 1337*1337 %> {0.__class__} %n"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("prompts/screen/", {"text": HOSTILE, "channel": "user"}),
        ("prompts/wrap/", {"system": HOSTILE, "segments": []}),
        ("outputs/validate/", {"text": HOSTILE}),
    ],
)
def test_c12_a_rehearsal_changes_nothing_and_runs_nothing(
    path: str, body: dict[str, str], api: Any, agent: Any, alice: Any
):
    client = api(token=make_agent_token(agent, acting=alice))
    before = app_rows()

    answer = client.post(f"/api/v1/{path}", body)

    assert answer.status_code == 200
    assert "1787569" not in answer.content.decode()
    assert app_rows() == before


OVERRIDES = (
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-HTTP-Method": "DELETE"},
    {"X-Method-Override": "DELETE"},
)


@pytest.mark.parametrize("headers", OVERRIDES)
@pytest.mark.parametrize("method", ["get", "post", "head", "options"])
def test_c13_a_header_makes_no_other_method_of_it(
    headers: dict[str, str], method: str, client_for: Any, bob: Any, carol: Any
):
    agent = make_agent(carol, acting=bob)
    credential = make_credential(agent, acting=bob)
    path = f"/api/v1/agents/{agent.pk}/credentials/{credential.id}/?_method=DELETE"

    answer = getattr(client_for(bob), method)(path, headers=headers)

    assert answer.status_code == 405
    assert AgentCredential.objects.get().revoked_at is None


def test_c13_nor_does_a_field_of_the_body(client_for: Any, bob: Any, carol: Any):
    agent = make_agent(carol, acting=bob)
    credential = make_credential(agent, acting=bob)
    path = f"/api/v1/agents/{agent.pk}/credentials/{credential.id}/"

    answer = client_for(bob).post(path, {"_method": "DELETE"})

    assert answer.status_code == 405
    assert AgentCredential.objects.get().revoked_at is None


@pytest.mark.parametrize(
    ("method", "allowed", "foreign"),
    [("get", 200, 404), ("head", 200, 404), ("options", 405, 405)],
)
def test_c13_head_and_options_open_what_get_opens_and_no_more(
    method: str,
    allowed: int,
    foreign: int,
    client_for: Any,
    bob: Any,
    carol: Any,
    eve: Any,
):
    path = f"/api/v1/agents/{make_agent(carol, acting=bob).pk}/"

    by_manager = getattr(client_for(bob), method)(path)
    by_stranger = getattr(client_for(eve), method)(path)

    assert (by_manager.status_code, by_stranger.status_code) == (allowed, foreign)
    assert (b"shopping" in by_manager.content) is (method == "get")
    assert b"shopping" not in by_stranger.content
