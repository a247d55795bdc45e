"""Group E through HTTP: texts that are code to somebody stay texts for us."""

from __future__ import annotations

import csv
import io
import json
import logging
import socket
from urllib.parse import quote

import pytest

from audit.models import AuditEvent
from audit.services.exports import export_events
from platform_site.logs import JsonFormatter
from tests.browsing import sign_in
from tests.factories import make_agent, make_agent_token
from tests.flows.requests import URL, app_rows, create, post_raw, problem
from tests.spending import everything, held
from transactions.spending.models import Transaction

CODE = [
    "{0.__class__.__mro__}",
    "%n%s%x%d",
    "${7*7}",
    "{{7*7}}{% debug %}",
    "'; DROP TABLE transactions_transaction; --",
    "' OR '1'='1",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
]
ADDRESSES = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:6379/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/_HELO",
    "//evil.example/x",
    "\\\\evil.example\\share",
    "jar:http://evil.example!/x",
]
FORGED = [
    'x\r\n{"level": "info", "message": "forged"}',
    "x\x1b[31mred\x1b[0m",
    "x\u2028{}\u2029{}",
    "x\u0085{}",
]

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.mark.parametrize("text", CODE)
def test_e5_code_in_any_text_is_stored_as_it_is(shopper, agent, give_policy, text):
    give_policy(agent, allowed_merchants=None)

    response = create(shopper, merchant=text, description=text, metadata={"text": text})

    assert response.status_code == 201
    row = Transaction.objects.get()
    assert (row.merchant, row.description) == (text, text)
    assert row.metadata == {"text": text}
    assert response.json()["merchant"] == text


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)"])
def test_e7_no_cell_of_an_export_is_a_formula(people, api, text):
    agent = make_agent(people.carol, acting=people.alice, name=text)
    client = api(token=make_agent_token(agent, acting=people.alice))
    headers = {"Idempotency-Key": "k", "User-Agent": text}
    body = {"amount": "1.00", "merchant": text, "category": "books"}
    assert client.post(URL, body, headers=headers).status_code == 201

    lines = "\r\n".join(export_events(AuditEvent.objects.all(), "csv"))

    rows = list(csv.reader(io.StringIO(lines, newline="")))
    assert len(rows) == AuditEvent.objects.count() + 1
    assert not [
        cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))
    ]
    assert any(cell == f"'{text}" for row in rows for cell in row)


@pytest.mark.parametrize("text", FORGED)
def test_e8_no_text_forges_a_line_of_the_log(shopper, client, text, monkeypatch):
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    handler.terminator = "\0"
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        client.get(f"/nowhere/{quote(text)}/")
        shopper.get(f"{URL}{quote(text)}/")
        create(shopper, merchant=text, description=text)
        logger.error("%s failed for %s", text, text)
    finally:
        logger.removeHandler(handler)

    written = lines.getvalue().split("\0")[:-1]
    assert written
    for line in written:
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["logger"] == "django.request"


@pytest.mark.parametrize("text", ADDRESSES)
def test_e11_an_address_in_a_text_is_never_followed(
    shopper, agent, give_policy, monkeypatch, text
):
    called = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: called.append(given))
    monkeypatch.setattr(
        socket, "create_connection", lambda *given, **_: called.append(given)
    )
    give_policy(agent, allowed_merchants=None)

    response = create(
        shopper, merchant=text, description=text, metadata={"url": text, "hook": text}
    )

    assert response.status_code == 201
    assert Transaction.objects.get().metadata == {"url": text, "hook": text}
    assert called == []


@pytest.mark.parametrize(
    "path",
    ["..", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "....//", "a/../../settings", "a\\b"],
)
@pytest.mark.parametrize("root", ["/docs/reasons/", "/errors/", URL, "/static/"])
def test_e11_no_path_leads_out(shopper, client, root, path):
    caller = shopper if root == URL else client

    assert caller.get(f"{root}{path}/").status_code == 404


BEYOND = ["1e20", "99999999999999999999", "-1", "0x10", "\u0661", "1,2", "[]", "", " "]


@pytest.mark.parametrize("name", ["cursor", "limit", "ordering"])
@pytest.mark.parametrize("value", BEYOND)
def test_e13_a_list_takes_any_page_for_an_answer_or_an_error(shopper, name, value):
    create(shopper)

    response = shopper.get(URL, {name: value})

    if name == "cursor" and value in ("[]", "", " "):
        # Nothing of it is base64: that is the cursor of the first page.
        assert response.status_code == 200
        assert len(response.json()["data"]) == 1
    else:
        assert problem(response, 400, "invalid_request") == {(f"/{name}", "invalid")}


@pytest.mark.parametrize("value", BEYOND)
def test_e13_a_filter_takes_any_value_and_finds_nothing_or_is_none(shopper, value):
    create(shopper)

    response = shopper.get(URL, {"agent": value})

    assert response.status_code == 200
    assert len(response.json()["data"]) == (0 if value.strip() else 1)


def test_e13_thousands_of_ids_are_one_filter_that_finds_nothing(shopper):
    create(shopper)
    ids = ",".join(f"agt_{number:026d}" for number in range(5_000))

    found = shopper.get(URL, {"agent": ids})
    assert (found.status_code, found.json()["data"]) == (200, [])
    for name, code in (("status", "invalid_choice"), ("cursor", "invalid")):
        refused = shopper.get(URL, {name: ids})
        assert problem(refused, 400, "invalid_request") == {(f"/{name}", code)}
    many = [("agent", f"agt_{number}") for number in range(5_000)]
    response = shopper.get(URL, query_params=many)
    assert problem(response, 400, "bad_request") == {("/query", "too_many_parameters")}


@pytest.mark.parametrize("value", [*BEYOND, "last", "x" * 5_000])
def test_e13_a_page_that_is_none_is_not_found(client, agent, people, value):
    approval = held(agent)
    sign_in(client, people.bob)
    rows = app_rows()

    for address in ("approvals", "agents", "change-requests"):
        assert client.get(f"/{address}/?page={quote(value)}").status_code == 404
    before = client.get(f"/transactions/?before={quote(value)}")
    assert before.status_code == (404 if value else 200)
    filtered = f"/transactions/?agent={quote(value)}&status={quote(value)}"
    assert client.get(filtered).status_code == 200
    often = "&".join([f"agent={quote(value)}"] * 100)
    assert client.get(f"/transactions/?{often}").status_code == 400

    assert approval.status == "waiting"
    assert app_rows() == rows


def test_a_body_that_is_too_large_is_told_so_and_not_held_against_the_agent(shopper):
    before = everything()

    answer = create(shopper, description="x" * 400_000)

    problem(answer, 413, "too_large")
    assert everything() == before


def test_a_value_that_is_no_strict_json_is_told_with_its_place(shopper):
    raw = '{"amount": "1.00", "metadata": {"a": "x\\u0000"}}'

    answer = post_raw(shopper, raw)

    assert problem(answer, 400, "parse_error") == {("/metadata/a", "parse_error")}
