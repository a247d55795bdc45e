"""Another generator's client of docs/openapi.yaml walks the same purchase.

openapi-generator is what clients in most languages are made with; its Python client
checks each answer as it reads it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module, resources
from typing import Any

import pytest

from tests.audit.logs import advance
from tests.factories import make_credential
from tests.house.source import ROOT
from tests.people import PASSWORD

PACKAGE = "openapi_generator_client"

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(
        shutil.which("java") is None,
        reason="openapi-generator is a Java program, and no java is on the PATH",
    ),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Generate the client from `make stress`'s openapi-generator-cli; its root."""
    directory = tmp_path_factory.mktemp("client")
    files = resources.files("openapi_generator_cli")
    with resources.as_file(files / "openapi-generator.jar") as jar:
        command = ["java", "-jar", jar, "generate", "--generator-name", "python"]
        options = [
            *("--input-spec", ROOT / "docs" / "openapi.yaml", "--output", directory),
            *("--package-name", PACKAGE),
            *("--additional-properties", "generateSourceCodeOnly=true"),
        ]
        subprocess.run(list(map(str, [*command, *options])), check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield import_module(PACKAGE)


def client_of(package: Any, server: str, token: str | None = None) -> Any:
    return package.ApiClient(package.Configuration(host=server, access_token=token))


@pytest.fixture
def shopper(package: Any, server: str, agent: Any, alice: Any) -> Any:
    issued = make_credential(agent, acting=alice)
    token = package.AuthApi(client_of(package, server)).auth_agent_token_create(
        package.AgentTokenInputRequest(
            client_id=issued.id, client_secret=issued.client_secret
        )
    )
    return client_of(package, server, token.access)


@pytest.fixture
def manager(package: Any, server: str, people: Any) -> Any:
    token = package.AuthApi(client_of(package, server)).auth_token_create(
        package.TokenInputRequest(username="bob", password=PASSWORD)
    )
    return client_of(package, server, token.access)


def test_a_purchase_is_created_approved_captured_refunded_and_receipted(
    package: Any, shopper: Any, manager: Any
):
    agents, people = package.TransactionsApi(shopper), package.TransactionsApi(manager)

    made = agents.transactions_create(
        "create",
        package.TransactionInputRequest(
            amount=package.Amount("750.00"),
            merchant="Amazon",
            category=package.CategoryOrNone.ELECTRONICS,
        ),
    )
    assert made.outcome is package.Outcome.HOLD
    seen = people.transactions_retrieve_with_http_info(made.id)
    approved = people.transactions_approve(
        seen.headers["ETag"], made.id, package.ApproveInputRequest(reason="Needed.")
    )
    assert approved.status == "authorized"
    captured = agents.transactions_capture(
        "capture",
        made.id,
        package.CaptureInputRequest(amount=package.Amount("700.00"), final=True),
    )
    assert (captured.status, captured.captured_amount) == ("captured", "700.00")
    refunded = agents.transactions_refund(
        "refund",
        made.id,
        package.RefundInputRequest(amount=package.Amount(50), reason="Broken."),
    )
    assert refunded.amount == "50.00"
    receipt = agents.transactions_receipt(made.id)
    assert receipt.receipt.transaction == made.id


def test_the_checkpoint_is_read_as_the_text_that_it_is(package: Any, manager: Any):
    """It accepts what the schema declares, where others take anything."""
    advance()

    note = package.AuditApi(manager).get_audit_checkpoint()

    assert note.splitlines()[1].isdigit()
    assert "\n— " in note
