"""gunicorn's settings: `gunicorn -c python:platform_site.web_server …`.

Threads, for the views wait for the database; preloaded, so that the workers share
most of their memory.
"""

from __future__ import annotations

import os
from pathlib import Path

from audit.bounded import BoundedConnection
from platform_site.settings import STATEMENT_TIMEOUT_S, WEB_THREADS

_MEMORY = Path("/dev/shm")  # noqa: S108 - heartbeats, so that no disk delays them.

if STATEMENT_TIMEOUT_S:
    BoundedConnection.patience_s = STATEMENT_TIMEOUT_S + 5

preload_app = True
worker_class = "gthread"
workers = 2
threads = WEB_THREADS
graceful_timeout = 8
control_socket_disable = True
if os.access(_MEMORY, os.W_OK):
    worker_tmp_dir = str(_MEMORY)
