"""`/livez`: the process answers. `/readyz`: so do its engines, and jobs run."""

from __future__ import annotations

from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.queries.reading import is_being_read

# The jobs that read the log run every 30 seconds.
SILENT_AFTER = timedelta(minutes=2)


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves requests; checks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if PostgreSQL and Valkey answer, else 503, naming which do not.

    Decisions do not depend on the periodic jobs: if those do not run, the answer is
    still 200, with the status "degraded".
    """
    engines = {"database": _database_answers(), "cache": _cache_answers()}
    if not all(engines.values()):
        status, jobs = "unavailable", "unknown"
    elif _jobs_run():
        status, jobs = "ok", "ok"
    else:
        status, jobs = "degraded", "silent"
    states = {name: "ok" if up else "unavailable" for name, up in engines.items()}
    return JsonResponse(
        {"status": status, "engines": states, "jobs": jobs},
        status=503 if status == "unavailable" else 200,
    )


def _jobs_run() -> bool:
    """Return whether a job has just read the log, so beat and worker run.

    A last time too far in the future comes from a wrong clock. A job that runs would
    have corrected it.
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
