"""The only parser of the API: strict JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from security.schemas.core.strict_json import (
    MAX_BYTES,
    JsonRefused,
    JsonTooLarge,
    parse_json,
)


class BodyRefused(ParseError):
    """A body is not strict JSON; `pointer` names the value that is at fault."""

    def __init__(self, refused: JsonRefused) -> None:
        super().__init__(str(refused))
        self.pointer = refused.pointer


class TooLarge(APIException):
    """There are more bytes than any body has; they are not read."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as core.strict_json reads it; anything else is ParseError (400).

    More than 256 KiB is TooLarge (413).
    """

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
        except JsonTooLarge:
            raise TooLarge from None
        except JsonRefused as refused:
            raise BodyRefused(refused) from None


_CHARSET = re.compile(r'charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)
