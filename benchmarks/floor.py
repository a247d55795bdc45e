"""The floor: pgbench performs only the durable writes of one decision.

It uses a second database on the same server, made by the same migrations; its script is
the product's own SQL (`recorded`). The difference to the endpoint is the cost of HTTP,
authentication, limits, rules and Python.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.parse

import psycopg

from benchmarks.stack import BenchmarkError, Sample, Stack, sample
from platform_site.run.engines.binaries import postgres_directory
from platform_site.run.engines.processes import run
from platform_site.run.supervisor import BASE_DIR

DATABASE = "floor"
RECORD = "from benchmarks import recorded"
LITERAL = re.compile(r"E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'")
ID = re.compile(r"\b([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b")
SHARED = {"crd", "pol", "usr"}  # The same for all clients.
OWN = {"agt", "bud"}  # One per client; all other ids are new in each decision.
# pgbench reads a colon before a letter as a variable; in JSON a space is harmless.
VARIABLE = re.compile(r"(?<!:):(?=[A-Za-z_])")
# Numbers increase, as the product's ids do, and are unique across clients.
HEAD = """\
\\set done :done + 1
\\set number (:before + :done) * 1000 + :client_id
BEGIN;
"""
# Copies all columns, whatever the migrations have added.
COPY_AGENT = """
INSERT INTO agents_agent
SELECT copy.* FROM agents_agent a, generate_series(0, %s) number,
    jsonb_populate_record(a, jsonb_build_object(
        'id', 'agt_' || lpad(number::text, 26, '0'), 'name', 'floor ' || number
    )) copy
WHERE a.name = 'shopping'
"""


class Floor:
    """A separate database on the platform's server, and pgbench on it."""

    def __init__(self, stack: Stack, *, clients: int) -> None:
        self.clients = clients
        self.pgbench = postgres_directory() / "pgbench"
        if not self.pgbench.is_file():
            raise BenchmarkError(f"There is no pgbench in {self.pgbench.parent}.")
        self.directory = stack.data / "floor"
        self.directory.mkdir(mode=0o700)
        self.script = self.directory / "decision.sql"
        parts = urllib.parse.urlsplit(stack.environ["DATABASE_OWNER_URL"])
        self.url = parts._replace(path=f"/{DATABASE}").geturl()
        here = {"DATABASE_URL": self.url, "DATABASE_OWNER_URL": self.url}
        self.environ = stack.environ | here
        self._before = 0
        with psycopg.connect(parts.geturl(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
            self.server_version = connection.info.parameter_status("server_version")
        self._fill()

    def _fill(self) -> None:
        self._manage("migrate", "--noinput")
        credentials = self.directory / "credentials.json"
        self._manage("demo_data", "--credentials", str(credentials))
        statements = json.loads(self._manage("shell", "--no-imports", "-c", RECORD))
        self.script.write_text(pgbench_script(statements), encoding="utf-8")
        with psycopg.connect(self.url) as connection:
            connection.execute(COPY_AGENT, [self.clients - 1])

    def _manage(self, *arguments: str) -> str:
        """Run a management command on this database; return its last line."""
        command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        done = run(command, env=self.environ)
        if done.returncode != 0:
            raise BenchmarkError(f"`manage.py {arguments[0]}` failed:\n{done.stdout}")
        return done.stdout.strip().rpartition("\n")[2]

    def measure(self, *, seconds: int) -> Sample:
        """Run pgbench for these seconds, with one connection per client."""
        log = self.directory / "log"
        command = [str(self.pgbench), "--no-vacuum", "--protocol=prepared"]
        command += [f"--client={self.clients}", f"--time={seconds}"]
        command += ["--define=done=0", f"--define=before={self._before}"]
        command += ["--log", f"--log-prefix={log}", f"--file={self.script}", self.url]
        done = run(command, env=self.environ, timeout_s=seconds + 60)
        if done.returncode != 0:
            raise BenchmarkError(f"pgbench failed:\n{done.stdout}")
        [written] = self.directory.glob("log.*")
        lines = written.read_text(encoding="ascii").splitlines()
        written.unlink()
        self._before += len(lines)
        return sample([int(line.split()[2]) / 1e6 for line in lines], seconds)


def pgbench_script(statements: list[str]) -> str:
    """Return these statements as one transaction that makes new ids in each run.

    Its variables are pgbench's `client_id`, `before` (the number of decisions before
    this run) and `done` (those of this client in this run).
    """
    ids: dict[str, str] = {}
    body = [
        LITERAL.sub(lambda found: _renewed(found[0], ids), VARIABLE.sub(": ", sql))
        for sql in statements
    ]
    return HEAD + "".join(f"{sql.strip()};\n" for sql in [*body, "COMMIT"])


def _renewed(literal: str, ids: dict[str, str]) -> str:
    """Return an SQL literal as an expression that makes new ids."""

    quote = literal[: literal.index("'") + 1]

    def replacement(found: re.Match[str]) -> str:
        old, kind = found[0], found[1]
        if kind in SHARED:
            return old
        if kind in OWN:
            return f"{kind}_' || lpad(:client_id, 26, '0') || {quote}"
        serial = ids.setdefault(old, f"{len(ids):02}")
        return f"{kind}_' || lpad(:number, 24, '0') || {quote}{serial}"

    renewed = ID.sub(replacement, literal)
    return literal if renewed == literal else f"({renewed})"
