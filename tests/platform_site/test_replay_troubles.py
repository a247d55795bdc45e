"""What a replay makes of lost answers, revoked keys, limits, outages and Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.models import User
from agents.models import Agent, AgentCredential
from agents.services.credentials import revoke_credential
from platform_site.replay import client
from platform_site.run.credentials import Credentials, Login, save_credentials
from security.limits.core.config import Limit
from tests.people import PASSWORD
from tests.platform_site.replaying import run, stream, written
from transactions.spending.models import Transaction


@pytest.fixture
def at_each_answer(monkeypatch):
    """Lets a test act between an answer and what the replay makes of it."""
    send = httpx.Client.request

    def install(act: Callable[[str, httpx.Response], None]) -> None:
        def acting(http: Any, method: str, path: str, **sent: Any) -> Any:
            answer = send(http, method, path, **sent)
            act(f"{method} {path}", answer)
            return answer

        monkeypatch.setattr(httpx.Client, "request", acting)

    return install


def test_an_agent_made_by_a_request_whose_answer_was_lost_is_found(
    credentials, tmp_path, capsys, at_each_answer
):
    lost: list[str] = []

    def lose(what: str, answer: httpx.Response) -> None:
        if what == "POST agents/" and not lost:
            lost.append(what)
            raise httpx.ReadError("connection reset")

    at_each_answer(lose)
    file = written(tmp_path / "stream.csv", stream(3, customers=1))

    table = run(file, credentials, capsys)

    assert lost == ["POST agents/"]
    assert "3 answered" in table
    assert Agent.objects.count() == 1


def test_a_credential_revoked_on_the_way_is_replaced(
    credentials, tmp_path, capsys, at_each_answer
):
    file = written(tmp_path / "stream.csv", stream(12, customers=1))
    admin, statuses = User.objects.get(), list[int]()

    def revoke(what: str, answer: httpx.Response) -> None:
        if what == "POST transactions/":
            statuses.append(answer.status_code)
            if len(statuses) == 2:
                first = AgentCredential.objects.get()
                revoke_credential(first.agent_id, first.pk, acting=admin)
                connections.close_all()

    at_each_answer(revoke)
    table = run(file, credentials, capsys)

    assert statuses == [201, 201, 401, *[201] * 10]
    assert "12 answered" in table
    assert Transaction.objects.count() == 12
    assert AgentCredential.objects.filter(revoked_at=None).count() == 1
    assert AgentCredential.objects.count() == 2


def test_limits_are_waited_out(credentials, tmp_path, capsys, settings, at_each_answer):
    # Nothing comes back while a busy machine sends the second request.
    ample = settings.RATE_LIMIT_CONFIG
    settings.RATE_LIMIT_CONFIG = dict.fromkeys(ample, Limit(1, 1))
    refused: list[str] = []

    def loosen(what: str, answer: httpx.Response) -> None:
        if answer.status_code == 429:
            refused.append(what)
            assert int(answer.headers["Retry-After"]) > 1
            answer.headers["Retry-After"] = "1"
            settings.RATE_LIMIT_CONFIG = ample
            cache.clear()

    at_each_answer(loosen)
    file = written(tmp_path / "stream.csv", stream(3, customers=1))

    call_command("replay", str(file), "--credentials", str(credentials))

    table, told = capsys.readouterr()
    assert len(refused) == 1
    assert "waits 1 s for the rate limit" in told
    assert "Waited for rate limits," in table
    assert "3 answered" in table
    assert "429" in table.partition("Tried again")[2]
    assert "429" not in table.partition("Tried again")[0]
    assert Transaction.objects.count() == 3


def test_an_interruption_still_prints_what_was_done(
    credentials, tmp_path, capsys, at_each_answer
):
    file = written(tmp_path / "stream.csv", stream(400, customers=1))
    answered, main_thread = list[str](), threading.get_ident()

    def interrupt(what: str, answer: httpx.Response) -> None:
        if what == "POST transactions/":
            answered.append(what)
            if len(answered) == 3:
                signal.pthread_kill(main_thread, signal.SIGINT)

    at_each_answer(interrupt)
    with pytest.raises(SystemExit) as ended:
        run(file, credentials, capsys)

    assert ended.value.code == 130
    done = Transaction.objects.count()
    assert 3 <= done < 400
    assert f"{done} answered, 0 malformed" in capsys.readouterr().out


def test_a_server_that_stays_away_ends_the_replay(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(client, "OUTAGE_S_MAX", 0.3)
    path = tmp_path / "credentials.json"
    login = {"admin": Login("admin", PASSWORD)}
    save_credentials(path, Credentials("http://127.0.0.1:9", login))
    file = written(tmp_path / "stream.csv", stream(5))

    with pytest.raises(CommandError, match="The server was down"):
        run(file, path, capsys)

    assert "0 answered" in capsys.readouterr().out


def test_a_wrong_password_ends_the_replay(credentials, server, tmp_path, capsys):
    login = {"admin": Login("admin", "not the password")}
    save_credentials(credentials, Credentials(server, login))
    file = written(tmp_path / "stream.csv", stream(5))

    with pytest.raises(CommandError, match="admin cannot sign in: 401"):
        run(file, credentials, capsys, "--workers", "1")

    assert Transaction.objects.count() == 0
