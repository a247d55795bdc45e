"""The lines that `manage.py up` prints."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from platform_site.run.options import Options

BASE_DIR = Path(__file__).resolve().parents[2]
PAGES = {"Approvals": "/approvals/", "Console": "/admin/", "API": "/api/docs/"}


def ready(options: Options, *, first_run: bool, seconds: float) -> Iterator[str]:
    """Yield the addresses of a running platform, and a command to try it."""
    if first_run:
        yield from _credentials(options)
    for name, path in PAGES.items():
        yield f"{name + ':':10} {options.base_url}{path}"
    yield f"Logs:      {options.data / 'log'}"
    command = f"{_quote(Path(sys.executable))} {_quote(BASE_DIR / 'manage.py')}"
    if options.data != BASE_DIR / "var":
        command = f"DATA_DIR={_quote(options.data)} {command}"
    yield f"Commands:  {command} help, in another terminal"
    yield (
        f"Ready: {options.base_url}/ after {seconds:.1f} s. Ctrl-C stops it; "
        "the data stays."
    )
    if options.has_demo:
        yield f"Try it, in another terminal: {command} replay"


def _credentials(options: Options) -> Iterator[str]:
    """Yield the passwords, on the first run only; the file keeps them."""
    content = json.loads(options.credentials.read_text(encoding="utf-8"))
    yield f"\nFirst run. These passwords are in {options.credentials}:"
    for role, user in content.get("users", {}).items():
        yield f"  {role:8} {user['username']:12} {user['password']}"
    if options.passwords_end:
        yield "Each works once, within a day: sign in and choose your own."
    for agent in content.get("agents", []):
        yield f"  agent    {agent['name']:12} client_id {agent['client_id']}"
    yield ""


def _quote(path: Path) -> str:
    """Return a path as typed in a shell in the current directory."""
    is_at_home = Path.cwd() == BASE_DIR and path.is_relative_to(BASE_DIR)
    return shlex.quote(str(path.relative_to(BASE_DIR) if is_at_home else path))


def migration_progress(log: str) -> str:
    """Return the progress of a migration, read from its output."""
    total = re.search(r"^([0-9]+) steps to migrate", log, re.MULTILINE)
    of = f" of {total[1]}" if total else ""
    return f"Database: {log.count(' OK')}{of} steps migrated."


def exit_text(code: int) -> str:
    """Return a text for a program's exit code."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
