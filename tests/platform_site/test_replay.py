"""`manage.py replay` against a real server over real sockets."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from accounts.models import Session, User
from agents.models import Agent, AgentCredential
from agents.services import revoke_credential
from audit.models import AuditEvent
from platform_site.credentials import Credentials, Login, save_credentials
from platform_site.replay import client
from platform_site.replay.rows import Row, read_rows
from security.core.limits import parse_limits
from tests.people import PASSWORD, make_person
from transactions.models import Decision, IdempotencyRecord, Transaction

HEADER = "transaction_id,timestamp,customer_id,merchant_id,amount,category,is_fraud"
START = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def credentials(server: str, tmp_path: Path) -> Path:
    make_person("admin", User.Role.ADMIN)
    path = tmp_path / "credentials.json"
    save_credentials(path, Credentials(server, {"admin": Login("admin", PASSWORD)}))
    return path


def stream(count: int, *, customers: int = 3, seed: int = 7) -> str:
    """Return a generated stream as CSV text."""
    dice = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER.split(","))
    for number in range(count):
        moment = START + timedelta(minutes=7 * number)
        row: list[object] = [f"t{number}", f"{moment:%Y-%m-%dT%H:%M:%SZ}"]
        row += [f"c{dice.randrange(customers)}", f"m{dice.randrange(5)}"]
        row += [f"{dice.randrange(100, 9000) / 100:.2f}"]
        row += [dice.choice(["", "books"]), int(dice.random() < 0.1)]
        writer.writerow(row)
    return text.getvalue()


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def run(file: Path, credentials: Path, capsys: Any, *arguments: str) -> str:
    """Replay and return the table, without its progress bar."""
    call_command("replay", str(file), "--credentials", str(credentials), *arguments)
    return str(capsys.readouterr().out)


def rows_in_database() -> Counter[str]:
    tables = (Transaction, Decision, IdempotencyRecord, Agent)
    counts = {table.__name__: table._default_manager.count() for table in tables}
    decided = AuditEvent.objects.filter(action="transaction.decided").count()
    return Counter(counts | {"decided": decided})


def test_a_proof_that_has_aged_is_given_anew(
    credentials, tmp_path, capsys, monkeypatch
):
    """Credentials take one of the last five minutes, and a replay may take hours."""
    sign_in = client.Admin._sign_in

    def long_ago(admin: client.Admin, api: client.Api) -> client._Token:
        token = sign_in(admin, api)
        then = timezone.now() - timedelta(minutes=6)
        Session.objects.update(authenticated_at=then)
        return token

    monkeypatch.setattr(client.Admin, "_sign_in", long_ago)
    file = written(tmp_path / "stream.csv", stream(5))

    run(file, credentials, capsys)

    assert Transaction.objects.count() == 5
    assert AuditEvent.objects.filter(action="session.stepped_up").exists()


def test_every_row_becomes_one_transaction_at_its_own_time(
    credentials, tmp_path, capsys
):
    file = written(tmp_path / "stream.csv", stream(30))

    table = run(file, credentials, capsys)

    assert rows_in_database() == {
        "Transaction": 30,
        "Decision": 30,
        "IdempotencyRecord": 30,
        "Agent": 3,
        "decided": 30,
    }
    sent = {row.transaction_id: row for row in read_rows(file) if isinstance(row, Row)}
    for record in IdempotencyRecord.objects.select_related("agent"):
        row = sent[record.key]
        kept = Transaction.objects.get(pk=json.loads(record.response)["id"])
        assert record.agent.name == f"replay-{row.customer_id}"
        assert record.agent.mode == Agent.Mode.TEST
        assert kept.occurred_at == row.occurred_at
        assert (kept.merchant, kept.category) == (row.merchant, row.category)
        assert kept.amount_minor == int(row.amount.replace(".", ""))
        assert (kept.metadata, kept.description) == ({}, "")
    assert "30 answered, 0 malformed" in table
    assert "0 had been sent before" in table
    assert "201" in table
    for name in ("Outcomes", "Top reasons", "p50", "p90", "p99", "max", "rows/s"):
        assert name in table


def test_the_rows_of_a_customer_are_decided_in_order(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(40, customers=5))

    run(file, credentials, capsys, "--workers", "3")

    for agent in Agent.objects.all():
        rows = agent.transactions.order_by("created_at")
        moments = list(rows.values_list("occurred_at", flat=True))
        assert moments == sorted(moments)


def test_a_second_replay_changes_nothing(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(20))
    run(file, credentials, capsys)
    before = rows_in_database()

    table = run(file, credentials, capsys)

    assert rows_in_database() == before
    assert "20 answered, 0 malformed" in table
    assert "20 had been sent before" in table


def test_a_limit_sends_the_first_rows_and_a_later_run_the_rest(
    credentials, tmp_path, capsys
):
    file = written(tmp_path / "stream.csv", stream(20))

    run(file, credentials, capsys, "--limit", "8")

    keys = set(IdempotencyRecord.objects.values_list("key", flat=True))
    assert keys == {f"t{number}" for number in range(8)}
    assert "8 had been sent before" in run(file, credentials, capsys)
    assert Transaction.objects.count() == 20


def test_a_gzipped_stream_is_unpacked_whatever_its_name(credentials, tmp_path, capsys):
    file = tmp_path / "stream.csv.gz"
    file.write_bytes(gzip.compress(stream(6).encode()))
    assert "6 answered" in run(file, credentials, capsys)

    bare = tmp_path / "stream"
    bare.write_bytes(file.read_bytes())
    assert "6 had been sent before" in run(bare, credentials, capsys)


def test_what_was_read_before_damage_is_sent(credentials, tmp_path, capsys):
    """From a pipe, for a file is read to its end before anything is sent."""
    pipe = tmp_path / "stream.csv.gz"
    os.mkfifo(pipe)
    packed = gzip.compress(stream(300).encode(), mtime=0)
    writer = threading.Thread(target=pipe.write_bytes, args=[packed[:-600]])
    writer.start()

    with pytest.raises(CommandError, match=r"damaged after line \d+") as ended:
        run(pipe, credentials, capsys)
    writer.join()

    [line] = map(int, re.findall(r"after line (\d+)", str(ended.value)))
    assert 0 < Transaction.objects.count() == line - 1


def test_malformed_rows_are_told_with_their_line_and_the_others_sent(
    credentials, tmp_path, capsys
):
    lines = stream(4).splitlines()
    lines.insert(2, "t90,yesterday,c1,m1,5.00,,0")
    lines.insert(4, "t91,2024-03-01T00:00:00Z,c1,m1,0.00,,0")
    lines.append('t92,2024-03-01T00:00:00Z,c1,"m1,5.00,,0')
    file = written(tmp_path / "stream.csv", "\n".join(lines) + "\n")

    call_command("replay", str(file), "--credentials", str(credentials))

    told = capsys.readouterr()
    assert "4 answered, 3 malformed" in told.out
    assert "line 3: timestamp is not ISO 8601; skipped." in told.err
    assert "line 5: amount is not a positive decimal number; skipped." in told.err
    assert "line 8: the line is not CSV" in told.err
    assert Transaction.objects.count() == 4


def test_a_row_that_the_api_refuses_is_counted_and_ends_in_failure(
    credentials, tmp_path, capsys
):
    text = stream(3) + "t9,2024-03-02T00:00:00Z,c1,m1,5.00,no such thing,0\n"
    file = written(tmp_path / "stream.csv", text)

    with pytest.raises(CommandError, match="1 rows were refused or failed"):
        run(file, credentials, capsys)

    table = capsys.readouterr().out
    assert "400 category_unknown" in table
    assert Transaction.objects.count() == 3


def test_an_id_used_for_another_body_is_a_conflict(credentials, tmp_path, capsys):
    line = "t1,2024-03-01T00:00:00Z,c1,m1,{},,0\n"
    run(written(tmp_path / "a", f"{HEADER}\n" + line.format(5)), credentials, capsys)

    with pytest.raises(CommandError, match="1 rows"):
        run(
            written(tmp_path / "b", f"{HEADER}\n" + line.format(6)), credentials, capsys
        )

    assert "422" in capsys.readouterr().out
    assert Transaction.objects.get().amount_minor == 500


def test_the_agents_are_used_again_with_short_lived_credentials(
    credentials, tmp_path, capsys
):
    file = written(tmp_path / "stream.csv", stream(6, customers=2))

    run(file, credentials, capsys)
    run(file, credentials, capsys)

    assert Agent.objects.count() == 2
    assert AgentCredential.objects.count() == 4
    latest = AgentCredential.objects.latest("expires_at").expires_at
    assert latest < datetime.now(UTC) + timedelta(days=1, minutes=1)


def test_an_agent_made_by_a_request_whose_answer_was_lost_is_found(
    credentials, tmp_path, capsys, monkeypatch
):
    send = httpx.Client.request
    lost: list[str] = []

    def lossy(http: Any, method: str, path: str, **sent: Any) -> Any:
        answer = send(http, method, path, **sent)
        if (method, path) == ("POST", "agents/") and not lost:
            lost.append(path)
            raise httpx.ReadError("connection reset")
        return answer

    monkeypatch.setattr(httpx.Client, "request", lossy)
    file = written(tmp_path / "stream.csv", stream(3, customers=1))

    table = run(file, credentials, capsys)

    assert lost == ["agents/"]
    assert "3 answered" in table
    assert Agent.objects.count() == 1


def test_a_credential_revoked_on_the_way_is_replaced(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(12, customers=1))
    admin = User.objects.get()

    def revoke() -> None:
        while Transaction.objects.count() < 2:
            time.sleep(0.01)
        first = AgentCredential.objects.get()
        revoke_credential(first.agent_id, first.pk, acting=admin)
        connections.close_all()

    thread = threading.Thread(target=revoke)
    thread.start()
    table = run(file, credentials, capsys)
    thread.join()

    assert "12 answered" in table
    assert Transaction.objects.count() == 12


def test_limits_are_waited_out(credentials, tmp_path, capsys, settings):
    # Half a second each, which no request takes on its own.
    limit = {"requests_per_minute": 120, "burst_size": 1}
    settings.RATE_LIMIT_CONFIG = parse_limits(
        {"default": limit, "auth": limit, "high_risk": limit}
    )
    file = written(tmp_path / "stream.csv", stream(3, customers=1))

    table = run(file, credentials, capsys)

    assert "3 answered" in table
    assert "429" in table.partition("Tried again")[2]
    assert "429" not in table.partition("Tried again")[0]
    assert Transaction.objects.count() == 3


def test_the_stream_is_paced_by_its_own_clock(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(4, customers=1))
    began = time.monotonic()

    run(file, credentials, capsys, "--speed", str(7 * 60 * 3 / 1.5))

    assert time.monotonic() - began >= 1.5


def test_an_interruption_still_prints_what_was_done(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(400, customers=1))

    def interrupt() -> None:
        while Transaction.objects.count() < 3:
            time.sleep(0.01)
        connections.close_all()
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(SystemExit) as ended:
        run(file, credentials, capsys)
    thread.join()

    assert ended.value.code == 130
    done = Transaction.objects.count()
    assert 3 <= done < 400
    assert f"{done} answered, 0 malformed" in capsys.readouterr().out


def test_a_server_that_stays_away_ends_the_replay(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)
    path = tmp_path / "credentials.json"
    login = {"admin": Login("admin", PASSWORD)}
    save_credentials(path, Credentials("http://127.0.0.1:9", login))
    file = written(tmp_path / "stream.csv", stream(5))

    with pytest.raises(CommandError, match="The server was away"):
        run(file, path, capsys)

    assert "0 answered" in capsys.readouterr().out


def test_a_wrong_password_ends_the_replay(credentials, server, tmp_path, capsys):
    login = {"admin": Login("admin", "not the password")}
    save_credentials(credentials, Credentials(server, login))
    file = written(tmp_path / "stream.csv", stream(5))

    with pytest.raises(CommandError, match="admin cannot sign in: 401"):
        run(file, credentials, capsys, "--workers", "1")

    assert Transaction.objects.count() == 0


def test_the_password_is_not_in_the_output(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(3))

    call_command("replay", str(file), "--credentials", str(credentials))

    assert PASSWORD not in "".join(capsys.readouterr())
