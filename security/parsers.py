"""The only parser of the API: strict JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from security.core.strict_json import MAX_BYTES, JsonRefused, parse_json


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as core.strict_json reads it; anything else is ParseError (400)."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        charset = _CHARSET.search(media_type or "")
        if charset and charset[1].lower() not in {"utf-8", "utf8"}:
            raise ParseError("The charset must be UTF-8.")
        try:
            return parse_json(stream.read(MAX_BYTES + 1))
        except JsonRefused as refused:
            raise ParseError(str(refused)) from None


_CHARSET = re.compile(r'charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)
