"""gunicorn's settings: `gunicorn -c python:platform_site.run.web_server …`.

Threads, because views mostly wait for the database; preloaded, so that the workers
share most of their memory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from audit.base.bounded import BoundedConnection
from platform_site.run.options import WEB_GRACE_S
from platform_site.settings import (
    DATA_UPLOAD_MAX_MEMORY_SIZE,
    STATEMENT_TIMEOUT_S,
    WEB_THREADS,
)

_MEMORY = Path("/dev/shm")  # noqa: S108 - heartbeat files: no disk delays them.

if STATEMENT_TIMEOUT_S:
    BoundedConnection.patience_s = STATEMENT_TIMEOUT_S + 5

preload_app = True
worker_class = "platform_site.run.web_worker.WholeRequestWorker"
workers = 2
worker_connections = 640  # With all other files, below many systems' limit of 1,024.
threads = WEB_THREADS
graceful_timeout = WEB_GRACE_S
control_socket_disable = True
if os.access(_MEMORY, os.W_OK):
    worker_tmp_dir = str(_MEMORY)


def pre_request(worker: Any, request: Any) -> None:
    """Send "Connection: close" if the request's body is not read to its end.

    gunicorn closes such a connection, because the rest would be taken for the next
    request. Without the header, the client's next request would be lost.
    """
    headers = dict(request.headers)
    length = headers.get("CONTENT-LENGTH", "0")
    is_long = not length.isdecimal() or int(length) > DATA_UPLOAD_MAX_MEMORY_SIZE
    if is_long or "TRANSFER-ENCODING" in headers:
        request.force_close()
