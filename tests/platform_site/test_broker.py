"""The job queue with a real worker: unreadable messages, and a killed worker."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from kombu import Connection

from platform_site.broker import ASIDE
from platform_site.celery import app
from security.alerts.models import Alert
from security.reviews.models import Review
from tests.elsewhere import wait_until_blocked
from tests.serving import LONG_S, working

TASK = "security.tasks.open_due_reviews"


def message(queue: str, **changes: Any) -> bytes:
    """Return a job as Celery writes it, with other values at its top."""
    body = b64encode(json.dumps([[], {}, {}]).encode()).decode()
    told = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": TASK, "id": str(uuid.uuid4())},
        "properties": {
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
            "body_encoding": "base64",
        },
    }
    return json.dumps(told | changes).encode()


def no_jobs(queue: str) -> list[bytes]:
    job = json.loads(message(queue))
    headers, properties = job["headers"], job["properties"]
    return [
        *(b"not json", b"", b"\xff\xfe", b"[" * 200_000, b"{}", b"[]", b"3", b"null"),
        b'"text"',
        message(queue, properties={}),
        message(queue, properties=[]),
        message(queue, properties={**properties, "delivery_tag": None}),
        message(queue, properties={**properties, "delivery_info": None}),
        message(queue, properties={**properties, "delivery_info": {"exchange": ""}}),
        message(queue, properties={**properties, "body_encoding": "no such"}),
        message(queue, headers=None),
        message(queue, headers=[]),
        message(queue, headers={"task": TASK}),
        message(queue, headers={**headers, "id": ["x"]}),
        message(queue, headers={**headers, "task": "no.such.task"}),
        message(queue, headers={**headers, "task": 7}),
        message(queue, headers={**headers, "eta": {}}),
        message(queue, headers={**headers, "eta": "tomorrow"}),
        message(queue, headers={**headers, "expires": []}),
        message(queue, **{"content-type": "application/x-python-serialize"}),
        message(queue, body="not base64"),
        message(queue, body=5),
    ]


def client_of(broker: Connection) -> Any:
    return broker.default_channel.client  # type: ignore[attr-defined] # No stub.


def await_review(
    worker: subprocess.Popen[bytes], is_settled: Callable[[], bool]
) -> None:
    """Return when the job has made its rows and the queue is settled."""
    deadline = time.monotonic() + LONG_S
    while not (Review.objects.exists() and is_settled()):
        assert worker.poll() is None, "The worker ended."
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_o9_what_is_no_job_is_put_aside_and_the_worker_lives(committed_db):
    queue = f"test-{uuid.uuid4()}"
    no_job = no_jobs(queue)
    with app.connection() as broker:
        valkey = client_of(broker)
        valkey.delete(ASIDE)
        valkey.hset("unacked", queue, "not json")
        valkey.zadd("unacked_index", {queue: 0})
        valkey.lpush(queue, *no_job)
        app.send_task(TASK, queue=queue, connection=broker)

        with working(queue) as worker:
            await_review(worker, lambda: not valkey.hexists("unacked", queue))

        aside = valkey.lrange(ASIDE, 0, -1)
        assert len(aside) == len(no_job) + 1
        assert {b"not json", b"[]", b"\xff\xfe"} < set(aside)
        assert valkey.llen(queue) == 0
    assert Alert.objects.get().metric == "message_put_aside"


def test_o3_a_job_whose_worker_was_killed_is_taken_again_after_ten_minutes(
    committed_db,
):
    queue = f"test-{uuid.uuid4()}"
    visible_after_s = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    with app.connection() as broker:
        valkey = client_of(broker)
        valkey.delete("unacked", "unacked_index")
        app.send_task(TASK, queue=queue, connection=broker)
        with working(queue) as worker, transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE security_review")
            wait_until_blocked(table="security_review")
            worker.kill()
            worker.wait()
        assert not Review.objects.exists()
        [(tag, taken_at)] = valkey.zrange("unacked_index", 0, -1, withscores=True)
        assert valkey.llen(queue) == 0

        valkey.zadd("unacked_index", {tag: taken_at - visible_after_s})
        with working(queue) as worker:
            await_review(worker, lambda: not valkey.hlen("unacked"))

    assert visible_after_s == 600
    assert Review.objects.count() == len({*Review.objects.values_list("cadence")})
