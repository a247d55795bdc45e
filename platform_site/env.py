"""Typed reader of environment variables: each is `NAME`, or a path in `NAME_FILE`."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from audit.base.core.readers import parse_whole

ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """Return NAME, else the content of the file NAME_FILE names, else the default.

    Raises ImproperlyConfigured when both are set, the file cannot be read, or
    nothing is set and there is no default: a secret is never silently empty.
    """
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if value is not None:
        return value
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}") from error
    if default is None:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) is not set.")
    return default


def boolean(name: str, *, default: bool) -> bool:
    """Return NAME as a boolean: true/false, yes/no, on/off or 1/0; else raise."""
    value = text(name, "true" if default else "false").lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, *, default: int, minimum: int, maximum: int) -> int:
    """Return NAME as a whole number from minimum to maximum; else raise."""
    value = text(name, str(default))
    number = parse_whole(value)
    if number is None:
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must be from {minimum} to {maximum}.")
    return number


def choice(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    """Return NAME if it is one of the choices; else raise."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}.")
    return value


def origin(name: str, default: str) -> str:
    """Return NAME as scheme, host and port, such as "https://pay.example.com".

    Raises ImproperlyConfigured for anything else, including an address with a path:
    links in mails, cookies and redirects need the root of a host.
    """
    value = text(name, default).rstrip("/")
    try:
        parts = urllib.parse.urlsplit(value)
        is_whole = parts.port is None or parts.port > 0
    except ValueError:
        is_whole = False
    if not is_whole or not ORIGIN.fullmatch(value):
        raise ImproperlyConfigured(
            f"{name} must be http(s)://host or http(s)://host:port, not {value!r}. The "
            "platform needs a host of its own and cannot be served under a path."
        )
    return value


def items(name: str) -> list[str]:
    """Return NAME split at commas, without blanks; an empty list if unset."""
    return [item.strip() for item in text(name, "").split(",") if item.strip()]


def json_object(name: str) -> dict[str, Any]:
    """Return NAME as a JSON object, empty if unset; else raise."""
    try:
        value = json.loads(text(name, "{}"))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value
