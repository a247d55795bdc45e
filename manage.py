#!/usr/bin/env python
"""Django's command line for this project; `manage.py up` runs the whole platform."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
DATABASE = ("DATABASE_URL", "DATABASE_URL_FILE")
KEYS = ("SECRET_KEY", "SECRET_KEY_FILE")
# `up` makes the keys and the database that the settings need; `replay` is a client of a
# platform that may run on another machine.
WITHOUT_SETTINGS = ("up", "replay")
HELP = {"help", "--help", "-h", "version", "--version"}
# These change tables, which only the owner may do; other commands need no owner.
AS_OWNER = ("migrate", "grant_runtime", "retire_audit")


def adopt_running_platform() -> None:
    """Let a command reach the platform that `manage.py up` runs in another terminal.

    Only if the environment names no database, so that keys of one installation are
    never used with the data of another.
    """
    if any(name in os.environ for name in DATABASE):
        return
    data = Path(os.environ.get("DATA_DIR", BASE_DIR / "var"))
    try:
        values = json.loads((data / "environment.json").read_text(encoding="utf-8"))
    except OSError:
        asks_for_help = not sys.argv[1:] or HELP.intersection(sys.argv)
        if asks_for_help or any(name in os.environ for name in KEYS):
            return
        sys.stderr.write(
            f"No platform runs on {data}: start it with `make run`, or set DATA_DIR to "
            "the directory of a running one.\n"
        )
        sys.exit(2)
    for name, value in values.items():
        if name.removesuffix("_FILE") not in os.environ:
            os.environ.setdefault(name, value)


def become_owner() -> None:
    """Connect as the owner of the tables, if that is another role."""
    for suffix in ("", "_FILE"):
        if owner := os.environ.get(f"DATABASE_OWNER_URL{suffix}"):
            for each in DATABASE:
                os.environ.pop(each, None)
            os.environ[f"DATABASE_URL{suffix}"] = owner


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - to print a clear message.
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Python 3.11 or newer is needed; this is {found}. Try `make run`.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed for this Python. `make run` makes an environment "
            "in .venv and uses it; manually: pip install -r requirements.txt"
        )
    if sys.argv[1:2] and sys.argv[1] in WITHOUT_SETTINGS:
        package = "platform_site.management.commands"
        command = importlib.import_module(f"{package}.{sys.argv[1]}").Command()
        command.run_from_argv(sys.argv)
    else:
        adopt_running_platform()
        if sys.argv[1:2] and sys.argv[1] in AS_OWNER:
            become_owner()
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
