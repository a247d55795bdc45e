"""A client that is generated from docs/openapi.yaml walks a purchase's whole life."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest

from tests.declared import check
from tests.factories import make_credential
from tests.house.source import ROOT
from tests.people import PASSWORD

PACKAGE = "generated_client"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Generate the client; what cannot be generated is an error, as is a warning."""
    directory = tmp_path_factory.mktemp("client")
    config = directory / "config.yaml"
    config.write_text("post_hooks: []\n")  # Nobody reads it.
    command = [sys.executable, "-m", "openapi_python_client", "generate"]
    options = [
        *("--path", ROOT / "docs" / "openapi.yaml", "--config", config),
        *("--meta", "none", "--output-path", directory / PACKAGE, "--fail-on-warning"),
    ]
    subprocess.run([*command, *map(str, options)], check=True, cwd=directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield


def operation(tag: str, name: str) -> Any:
    return import_module(f"{PACKAGE}.api.{tag}.{name}").sync_detailed


def models() -> Any:
    return import_module(f"{PACKAGE}.models")


def look(answer: httpx.Response) -> None:
    """Compare what a client was answered with the schema."""
    request, media = answer.request, answer.headers.get("Content-Type", "")
    check(request.method, request.url.path, answer.status_code, media, answer.read)


@pytest.fixture
def client_of(package: None, server: str) -> Iterator[Callable[..., Any]]:
    """Makes clients: client_of() is anonymous, client_of(token) is somebody."""
    kinds = import_module(PACKAGE)
    options = {"event_hooks": {"response": [look]}, "trust_env": False}
    with contextlib.ExitStack() as stack:

        def make(token: str | None = None) -> Any:
            kind = kinds.Client if token is None else kinds.AuthenticatedClient
            told = {} if token is None else {"token": token}
            client = kind(base_url=server, httpx_args=options, **told)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def shopper(client_of: Callable[..., Any], agent: Any, alice: Any) -> Any:
    issued = make_credential(agent, acting=alice)
    body = models().AgentTokenInputRequest(issued.id, issued.client_secret)
    exchange = operation("auth", "auth_agent_token_create")
    return client_of(exchange(client=client_of(), body=body).parsed.access)


@pytest.fixture
def signed_in(client_of: Callable[..., Any]) -> Callable[[str], Any]:
    """Makes the client of a person by name and password."""

    def sign_in(username: str) -> Any:
        body = models().TokenInputRequest(username, PASSWORD)
        exchange = operation("auth", "auth_token_create")
        return client_of(exchange(client=client_of(), body=body).parsed.access)

    return sign_in


def test_a_purchase_is_created_approved_captured_refunded_and_receipted(
    shopper: Any, signed_in: Callable[[str], Any]
):
    def call(name: str, client: Any, *arguments: str, **options: Any) -> Any:
        return operation("transactions", name)(*arguments, client=client, **options)

    manager = signed_in("bob")

    made = call(
        "transactions_create",
        shopper,
        body=models().TransactionInputRequest(
            "750.00", "Amazon", models().CategoryOrNone("electronics")
        ),
        idempotency_key="create",
    )
    assert (made.status_code, made.parsed.outcome) == (201, "hold")
    assert made.parsed.mcc is None
    identifier = made.parsed.id

    seen = call("transactions_retrieve", manager, identifier)
    approved = call(
        "transactions_approve",
        manager,
        identifier,
        if_match=seen.headers["ETag"],
        body=models().ApproveInputRequest(reason="Needed."),
    )
    assert (approved.status_code, approved.parsed.status) == (200, "authorized")

    captured = call(
        "transactions_capture",
        shopper,
        identifier,
        body=models().CaptureInputRequest(amount="700.00", final=True),
        idempotency_key="capture",
    )
    assert (captured.parsed.status, captured.parsed.captured_amount) == (
        "captured",
        "700.00",
    )

    refunded = call(
        "transactions_refund",
        shopper,
        identifier,
        body=models().RefundInputRequest(amount=50, reason="Broken."),
        idempotency_key="refund",
    )
    assert (refunded.status_code, refunded.parsed.amount) == (201, "50.00")

    receipt = call("transactions_receipt", shopper, identifier)
    assert receipt.parsed.receipt.transaction == identifier


def test_what_may_be_null_is_none(
    shopper: Any, signed_in: Callable[[str], Any], agent: Any
):
    admin = signed_in("alice")

    answer = operation("agents", "agents_credentials_list")(agent.pk, client=admin)
    me = operation("auth", "me_retrieve")(client=signed_in("dave"))

    [credential] = answer.parsed.data
    assert (credential.replaces, credential.revoked_at) == (None, None)
    assert me.parsed.team is None
