"""The programs of the platform besides its engines, as arguments of Python."""

from __future__ import annotations

from pathlib import Path

CELERY = ["-m", "celery", "-A", "platform_site"]
WORKER = [
    *CELERY, "worker", "--pool", "threads", "--concurrency", "2",
    "--loglevel", "WARNING", "--without-gossip", "--without-mingle",
]  # fmt: skip
BEAT = [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile", ""]


def web_server(descriptor: int, heartbeats: Path) -> list[str]:
    """Return gunicorn on a socket that is already open.

    Threads, for the views wait for the database; preloaded, so that the workers
    share most of their memory. `heartbeats` should be a directory in memory.
    """
    return [
        "-m", "gunicorn", "platform_site.wsgi:application", "--preload",
        "--bind", f"fd://{descriptor}",
        "--worker-class", "gthread", "--workers", "2", "--threads", "8",
        "--worker-tmp-dir", str(heartbeats), "--no-control-socket",
        "--graceful-timeout", "8",
    ]  # fmt: skip
