"""`manage.py replay` against a real server over real sockets."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Session
from agents.models import Agent, AgentCredential
from audit.models import AuditEvent
from platform_site.replay import client, runner
from platform_site.replay.rows import Row, read_rows
from platform_site.run.credentials import (
    AgentSecret,
    load_credentials,
    save_credentials,
)
from tests.factories import make_agent
from tests.people import PASSWORD
from tests.platform_site.replaying import HEADER, run, stream, written
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.spending.models import Transaction


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

    assert (Agent.objects.count(), Transaction.objects.count()) == (5, 40)
    for agent in Agent.objects.all():
        rows = agent.transactions.order_by("created_at")
        moments = list(rows.values_list("occurred_at", flat=True))
        assert len(moments) > 1
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
    """From a pipe, because a file is read to its end before anything is sent."""
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
    assert (
        "line 3: timestamp is not ISO 8601, such as 2026-01-31T12:00:00Z; skipped."
        in told.err
    )
    assert (
        "line 5: amount is not a positive decimal number, such as 12.50; skipped."
        in told.err
    )
    assert "line 8: the line is not CSV" in told.err
    assert Transaction.objects.count() == 4


def test_a_row_that_the_api_refuses_is_counted_and_ends_in_failure(
    credentials, tmp_path, capsys
):
    text = stream(3) + "t9,2024-03-02T00:00:00Z,c1,m1,5.001,,0\n"
    file = written(tmp_path / "stream.csv", text)

    with pytest.raises(CommandError, match="1 rows were refused or failed"):
        run(file, credentials, capsys)

    table = capsys.readouterr().out
    assert "400 amount_too_many_decimals" in table
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


def test_the_stream_is_paced_by_its_own_clock(
    credentials, tmp_path, capsys, monkeypatch
):
    """However long answers take: the rows all fit into the queue of their worker."""
    file = written(tmp_path / "stream.csv", stream(4, customers=1))
    submit, instants = runner.WorkerPool.submit, list[float]()

    def noted(pool: runner.WorkerPool, row: Row) -> None:
        instants.append(time.monotonic())
        submit(pool, row)

    monkeypatch.setattr(runner.WorkerPool, "submit", noted)
    began = time.monotonic()

    run(file, credentials, capsys, "--speed", str(7 * 60 * 3 / 1.5))

    assert len(instants) == 4
    for number, instant in enumerate(instants):
        assert instant - began >= number * 0.5
    assert instants[3] - instants[0] > 1


def test_the_demonstration_is_allowed_held_and_denied_as_its_agents_policies_say(
    credentials, capsys
):
    call_command("replay", "--credentials", str(credentials))

    table, told = capsys.readouterr()
    outcomes = Counter(Decision.objects.values_list("outcome", flat=True))
    assert outcomes == {"allow": 22, "hold": 4, "deny": 4}
    assert f"{outcomes['deny']} deny" in told
    base_url = json.loads(credentials.read_text())["base_url"]
    assert f"{base_url}/transactions/?mode=test" in table
    assert {
        agent.mode for agent in Agent.objects.filter(name__startswith="replay-")
    } == {"test"}


def test_the_agents_belong_to_the_owner_of_the_demonstrations_agents(
    credentials, tmp_path, capsys, carol, alice
):
    known = load_credentials(credentials)
    shown = make_agent(carol, acting=alice)
    secret = AgentSecret(shown.pk, "shopping", "crd_x", "x")
    save_credentials(credentials, known.with_agent(secret))

    run(written(tmp_path / "stream.csv", stream(2, customers=1)), credentials, capsys)

    assert Agent.objects.get(mode="test").owner == carol


def test_a_stream_under_the_open_policy_is_limited_by_nothing(
    credentials, tmp_path, capsys
):
    row = "t1,2024-03-01T00:00:00Z,c1,Lucky Casino,5000.00,gambling,0"
    file = written(tmp_path / "stream.csv", f"{HEADER}\n{row}\n")

    run(file, credentials, capsys, "--policy", "open")

    assert Decision.objects.get().outcome == "allow"


def test_the_password_is_not_in_the_output(credentials, tmp_path, capsys):
    file = written(tmp_path / "stream.csv", stream(3))

    call_command("replay", str(file), "--credentials", str(credentials))

    told = "".join(capsys.readouterr())
    assert "3 answered" in told
    assert PASSWORD not in told
