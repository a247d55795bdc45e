"""`/livez`: the process answers. `/readyz`: its engines do too, and jobs run."""

from __future__ import annotations

from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.queries import is_being_read

# The jobs that read the log run every 30 seconds.
SILENT_AFTER = timedelta(minutes=2)


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves requests; asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when PostgreSQL and Valkey answer, else 503 naming which do not.

    Decisions do not wait for the periodic jobs: when those are silent, the status is
    "degraded", and 200.
    """
    engines = {"database": _database_answers(), "cache": _cache_answers()}
    if not all(engines.values()):
        status, jobs = "unavailable", "unknown"
    elif _jobs_run():
        status, jobs = "ok", "ok"
    else:
        status, jobs = "degraded", "silent"
    told = {name: "ok" if up else "unavailable" for name, up in engines.items()}
    return JsonResponse(
        {"status": status, "engines": told, "jobs": jobs},
        status=503 if status == "unavailable" else 200,
    )


def _jobs_run() -> bool:
    """Tell whether a job read the log just now: beat, worker and their clock are well.

    A time ahead of ours is from a clock that was wrong; a job would have put it right.
    """
    now = timezone.now()
    return is_being_read(since=now - SILENT_AFTER, until=now + SILENT_AFTER)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _cache_answers() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
    )
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
