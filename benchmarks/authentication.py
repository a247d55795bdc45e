"""`python -m platform_site.run.engines exec -- python -m benchmarks.authentication`.

The cost of authentication and rate limits: SQL statements, calls to Valkey, CPU, and
their share of a whole request.
"""

from __future__ import annotations

import itertools
import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")
AMPLE = '{"requests_per_minute": 1000000, "burst_size": 1000000}'
os.environ["RATE_LIMIT_CONFIG"] = (
    f'{{"default": {AMPLE}, "auth": {AMPLE}, "high_risk": {AMPLE}}}'
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import (  # noqa: E402
    CaptureQueriesContext,
    setup_test_environment,
)
from redis import Redis  # noqa: E402
from rest_framework.request import Request  # noqa: E402

from accounts.authentication import PersonAuthentication  # noqa: E402
from accounts.services.sign_in import start_session  # noqa: E402
from agents.authentication import AgentAuthentication  # noqa: E402
from agents.services.credentials import exchange_credential, issue_credential  # noqa: E402
from security.limits.limiter import check_limits  # noqa: E402
from security.signing.core.keys import HmacKey, SigningKey  # noqa: E402
from security.signing.core.signatures import RequestParts, sign  # noqa: E402
from tests.factories import make_agent  # noqa: E402
from tests.people import make_people  # noqa: E402
from tests.security.keys import OwnKey  # noqa: E402

ROUNDS, EACH = 7, 60
ME, SPEND = "/api/v1/me/", "/api/v1/transactions/"
BODY = b'{"amount":"1.00","merchant":"Amazon","category":"electronics"}'
CLIENT = Client(raise_request_exception=False)
numbers = itertools.count()
Headers = Callable[[], dict[str, str]]


def main() -> None:
    """Migrate the throw-away database, measure, and print a table."""
    call_command("migrate", verbosity=0)
    setup_test_environment(debug=False)
    _show(
        f"{'caller':<28}{'SQL':>5}{'Valkey':>8}{'auth CPU ms':>22}"
        f"{'limit CPU ms':>22}{'request CPU ms':>22}{'auth share':>12}"
    )
    for name, authenticator, method, path, headers in callers():
        show(name, authenticator(), method, path, headers)


def callers() -> list[tuple[str, Any, str, str, Headers]]:
    people = make_people()
    pair = start_session(request=RequestFactory().post("/"), user=people.carol)
    person = {"Authorization": f"Bearer {pair.access}"}
    agent = make_agent(people.carol, acting=people.bob)
    own = OwnKey()
    shared = issue_credential(agent.pk, acting=people.bob)
    public = issue_credential(agent.pk, public_key=own.public_text, acting=people.bob)
    bearers = {
        one.id: exchange_credential(one.id, one.client_secret).access
        for one in (shared, public)
    }

    def of_agent(credential: str, key: SigningKey | None = None) -> Headers:
        def headers() -> dict[str, str]:
            sent = {
                "Authorization": f"Bearer {bearers[credential]}",
                "Idempotency-Key": f"bench-{next(numbers)}",
            }
            return sent | (signature(credential, key) if key else {})

        return headers

    kinds = [
        ("person, token", PersonAuthentication, "GET", ME, lambda: person),
        ("agent, token", AgentAuthentication, "POST", SPEND, of_agent(shared.id)),
    ]
    for label, credential, key in (
        ("agent, token + hmac-sha256", shared, HmacKey(shared.signing_secret)),
        ("agent, token + ed25519", public, own),
    ):
        headers = of_agent(credential.id, key)
        kinds.append((label, AgentAuthentication, "POST", SPEND, headers))
    return kinds


def signature(key_id: str, key: SigningKey) -> dict[str, str]:
    return sign(
        RequestParts("POST", SPEND, "", BODY),
        key=key,
        key_id=key_id,
        created=int(time.time()),
        nonce=secrets.token_urlsafe(16),
    )


def show(
    name: str, authenticator: Any, method: str, path: str, headers: Headers
) -> None:
    factory = RequestFactory()

    def request() -> Request:
        body = BODY if method == "POST" else b""
        return Request(
            factory.generic(
                method, path, body, content_type="application/json", headers=headers()
            )
        )

    def authenticate(asked: Request) -> None:
        asked.user, asked.auth = authenticator.authenticate(asked)

    def send(sent: dict[str, str]) -> None:
        body = BODY if method == "POST" else b""
        answer = CLIENT.generic(
            method, path, body, content_type="application/json", headers=sent
        )
        assert answer.status_code in (200, 201), answer.content  # noqa: S101

    send(headers())  # Loads the limiter's script and fills caches.
    with CaptureQueriesContext(connection) as queries, CommandCounter() as calls:
        asked = request()
        authenticate(asked)
        check_limits(asked, "default")
        statements = len(queries)
    auth, limit, whole = [], [], []
    for _ in range(ROUNDS):
        known = [request() for _ in range(EACH)]
        auth.append(cpu_ms(authenticate, known))
        limit.append(cpu_ms(lambda one: check_limits(one, "default"), known))
        whole.append(cpu_ms(send, [headers() for _ in range(EACH)]))
    share = statistics.median(a / w for a, w in zip(auth, whole, strict=True))
    _show(
        f"{name:<28}{statements:>5}{calls.count:>8}"
        f"{spread(auth):>22}{spread(limit):>22}{spread(whole):>22}{share:>12.2f}"
    )


def cpu_ms(call: Callable[[Any], None], arguments: list[Any]) -> float:
    """Return the CPU time of this process per call, without engines and waits."""
    began = time.process_time()
    for one in arguments:
        call(one)
    return (time.process_time() - began) / len(arguments) * 1000


def spread(samples: list[float]) -> str:
    low, high = min(samples), max(samples)
    return f"{statistics.median(samples):.2f} ({low:.2f}-{high:.2f})"


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class CommandCounter:
    """Counts the commands that go to Valkey."""

    def __init__(self) -> None:
        self.count = 0
        self._send: Any = Redis.execute_command

    def __enter__(self) -> CommandCounter:
        def counted(client: Any, *arguments: Any, **options: Any) -> Any:
            self.count += 1
            return self._send(client, *arguments, **options)

        Redis.execute_command = counted  # type: ignore[assignment, method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        Redis.execute_command = self._send  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
