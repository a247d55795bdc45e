"""One JSON object per log line, so that no logged text can forge a line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from audit.base import context
from audit.base.core.masking import mask


class JsonFormatter(logging.Formatter):
    """Masks secrets, adds the request id, escapes everything but plain ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
            "request_id": _request_id(record),
        }
        if record.exc_info:
            line["exception"] = mask(self.formatException(record.exc_info))
        return json.dumps(line)


def _request_id(record: logging.LogRecord) -> str:
    """Return the id of the current request, or of the one just answered."""
    request = getattr(record, "request", None)
    answered = getattr(request, "META", {}).get("platform.request_id", "")
    return context.current().request_id or answered
