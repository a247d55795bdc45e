"""SIGKILL to every process of a running platform, again and again.

KILL_NINE_ROWS and KILL_NINE_KILLS make it shorter or longer, KILL_NINE_SINGLE says
how many single processes are killed under load:

    KILL_NINE_ROWS=60 KILL_NINE_KILLS=1 pytest tests/stress/test_kill_nine.py
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.stress.running import Platform, family, replay

pytestmark = pytest.mark.stress

ROWS = int(os.environ.get("KILL_NINE_ROWS", "900"))
KILLS = int(os.environ.get("KILL_NINE_KILLS", "4"))
SINGLE_KILLS = int(os.environ.get("KILL_NINE_SINGLE", "100"))
# Enough to be still sending when the last one is killed.
SINGLE_ROWS = max(ROWS, 40 * SINGLE_KILLS)
CUSTOMERS = 12
SEED = 20240301
TRANSACTIONS = "SELECT count(*) FROM transactions_transaction"
REPLAY_TIMEOUT_S = 1200


def write_stream(path: Path, rows: int) -> None:
    """Write a stream of which some is allowed, some held and some denied."""
    dice = random.Random(SEED)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    lines = ["transaction_id,timestamp,customer_id,merchant_id,amount,category"]
    for number in range(rows):
        moment = start + timedelta(minutes=9 * number)
        customer, shop = dice.randrange(CUSTOMERS), f"shop {dice.randrange(40)}"
        merchant = dice.choice([shop] * 9 + ["sh\N{CYRILLIC SMALL LETTER O}p"])
        whole = dice.choice([dice.randrange(1, 200)] * 9 + [2_000_000])
        lines.append(
            f"t{number},{moment:%Y-%m-%dT%H:%M:%SZ},c{customer},{merchant},"
            f"{whole}.{dice.randrange(100):02},books"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_kill_of_everything_loses_and_doubles_nothing(platform, tmp_path):
    stream = tmp_path / "stream.csv"
    write_stream(stream, ROWS)
    dice = random.Random(SEED)
    kill_at = sorted(dice.sample(range(ROWS // 10, ROWS * 9 // 10), KILLS))
    platform.start()
    platform.await_ready()

    with replay(platform, stream) as sending:
        for rows in kill_at:
            while platform.value(TRANSACTIONS) < rows:
                assert sending.poll() is None, sending.communicate()[0]
                time.sleep(0.05)
            time.sleep(dice.random() / 10)
            platform.kill()
            platform.start()
            platform.await_ready()
        output = sending.communicate(timeout=REPLAY_TIMEOUT_S)[0]

    assert sending.returncode == 0, output
    assert f"{ROWS} answered, 0 malformed" in output
    assert "no answer" in output
    platform.assert_sound()
    assert_nothing_lost_nor_doubled(platform, ROWS)


# What is started again: the web server's workers, the job server (which works in
# threads), and PostgreSQL's backends, each of which takes all connections with it.
WORKERS = {"gunicorn": "gunicorn", "celery": " worker ", "postgres": "[local]"}


def workers_of(platform: Platform, kind: str) -> list[int]:
    """Return the processes of a kind; of the web server only those that it forked."""
    assert platform.process is not None
    tree = family(platform.process.pid)
    named = [pid for pid in tree if WORKERS[kind] in command_of(pid)]
    if kind == "gunicorn":
        return [pid for pid in named if parent_of(pid) in named]
    return named


def command_of(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return text.replace(b"\0", b" ").decode(errors="replace")


def parent_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])
    return 0


def kill_one(platform: Platform, dice: random.Random) -> str:
    """Kill a random worker; return its kind, empty if there was none just then."""
    kind = dice.choice(sorted(WORKERS))
    found = workers_of(platform, kind)
    if not found:
        return ""
    try:
        os.kill(dice.choice(found), signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return kind


def test_p3_single_processes_killed_under_load_lose_and_double_nothing(
    platform, tmp_path
):
    stream, dice = tmp_path / "stream.csv", random.Random(SEED)
    write_stream(stream, SINGLE_ROWS)
    platform.start()
    platform.await_ready()
    killed: Counter[str] = Counter()

    with replay(platform, stream) as sending:
        while killed.total() < SINGLE_KILLS and sending.poll() is None:
            time.sleep(dice.random())
            if kind := kill_one(platform, dice):
                killed[kind] += 1
        output = sending.communicate(timeout=REPLAY_TIMEOUT_S)[0]

    assert sending.returncode == 0, output
    assert killed.total() == SINGLE_KILLS, f"Too few rows: only {killed}."
    assert f"{SINGLE_ROWS} answered, 0 malformed" in output
    platform.await_ready()
    platform.assert_sound()
    assert_nothing_lost_nor_doubled(platform, SINGLE_ROWS)


def assert_nothing_lost_nor_doubled(platform: Platform, rows: int) -> None:
    with platform.connect() as connection:
        keys = connection.execute("SELECT key FROM transactions_idempotencyrecord")
        assert sorted(key for (key,) in keys) == sorted(f"t{n}" for n in range(rows))
        for what, sql in FAULTS.items():
            assert connection.execute(sql.encode()).fetchall() == [], what
        told = connection.execute("SELECT DISTINCT outcome FROM transactions_decision")
        assert sorted(told.fetchall()) == [("allow",), ("deny",), ("hold",)]
    assert platform.value(TRANSACTIONS) == rows
    assert platform.value("SELECT count(*) FROM transactions_decision") == rows


FAULTS = {
    "an acknowledged answer without its transaction": """
        SELECT r.key FROM transactions_idempotencyrecord r
        LEFT JOIN transactions_transaction t
          ON t.id = r.response::jsonb ->> 'id' AND t.agent_id = r.agent_id
        WHERE t.id IS NULL""",
    "a transaction that two answers name": """
        SELECT response::jsonb ->> 'id' FROM transactions_idempotencyrecord
        GROUP BY 1 HAVING count(*) > 1""",
    "a transaction without exactly one event of each kind": """
        SELECT t.id, action.name FROM transactions_transaction t
        CROSS JOIN (VALUES ('transaction.requested'), ('transaction.decided'))
          AS action (name)
        LEFT JOIN audit_auditevent e
          ON e.target_id = t.id AND e.action = action.name
        GROUP BY t.id, action.name HAVING count(e.id) <> 1""",
    "an event of a transaction that is not there": """
        SELECT e.id FROM audit_auditevent e
        LEFT JOIN transactions_decision d ON d.transaction_id = e.target_id
        WHERE e.action IN ('transaction.requested', 'transaction.decided')
          AND d.id IS NULL""",
    "a reservation that its verdict does not call for, or none where it does": """
        SELECT d.transaction_id FROM transactions_decision d
        LEFT JOIN transactions_reservation r USING (transaction_id)
        WHERE (d.outcome = 'deny') <> (r.transaction_id IS NULL)""",
    "an agent whose allowed requests are counted wrongly": """
        SELECT a.agent_id, a.allowed_count FROM transactions_agentactivity a
        LEFT JOIN transactions_transaction t USING (agent_id)
        LEFT JOIN transactions_decision d
          ON d.transaction_id = t.id AND d.outcome = 'allow'
        GROUP BY a.agent_id, a.allowed_count HAVING a.allowed_count <> count(d.id)""",
}


def test_a_kill_during_the_first_start_locks_nobody_out(platform):
    dice = random.Random(SEED)
    were_ready = []
    for _ in range(KILLS):
        platform.start()
        time.sleep(2 + 8 * dice.random())
        were_ready.append(platform.is_ready())
        assert platform.process.poll() is None
        platform.kill()
    assert not were_ready[0], "The first start was over before the first kill."
    platform.start()
    platform.await_ready()

    told = json.loads(platform.credentials.read_text(encoding="utf-8"))
    people = ["admin", "manager", "user", "admin2", "manager2"]
    assert list(told["users"]) == people
    assert len(told["agents"]) == 3
    assert platform.credentials.stat().st_mode & 0o777 == 0o600
    with httpx.Client(base_url=f"{platform.url}/api/v1/", trust_env=False) as client:
        for login in told["users"].values():
            assert client.post("auth/token/", json=login).status_code == 200
        for agent in told["agents"]:
            secret = {name: agent[name] for name in ("client_id", "client_secret")}
            assert client.post("auth/agent-token/", json=secret).status_code == 200
