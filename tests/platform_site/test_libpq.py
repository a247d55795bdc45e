"""What libpq would take from the environment of another project's shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse

import pytest
from django.db import connection

from tests.platform_site.starting import ROOT, environ, manage, url_of
from tests.stress.running import free_port

OF_ANOTHER = {
    "PGPORT": "9999",
    "PGSERVICE": "no-such-service",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGOPTIONS": "-c search_path=no_such_schema",
    "PGSSLMODE": "verify-full",
}


def test_p15_a_command_against_a_running_platform_reads_no_libpq_setting(
    committed_db, tmp_path
):
    """As `manage.py up` leaves word in its data directory."""
    names = ("REDIS_URL", "SECRET_KEY", "JWT_SECRET_KEY", "ENCRYPTION_KEY")
    values = {name: os.environ[name] for name in names}
    values["DATABASE_URL"] = url_of(connection.settings_dict["NAME"])
    (tmp_path / "environment.json").write_text(json.dumps(values))

    told = manage("unlock", **OF_ANOTHER, DATA_DIR=str(tmp_path))

    assert (told.returncode, told.stdout) == (0, ""), told.stderr


def test_p15_a_command_on_a_given_database_reads_no_libpq_setting(committed_db):
    url = url_of(connection.settings_dict["NAME"])
    command = [sys.executable, str(ROOT / "manage.py"), "unlock"]

    told = subprocess.run(
        command,
        env=os.environ | OF_ANOTHER | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, told.stdout) == (0, ""), told.stderr


def test_p15_up_on_a_given_database_reads_no_libpq_setting(foreign, tmp_path):
    name = urllib.parse.urlsplit(foreign).path.strip("/")

    refused = manage(
        *("up", "--data", tmp_path / "var", "--port", free_port()),
        **OF_ANOTHER,
        DATABASE_URL=foreign,
    )

    assert refused.returncode == 2
    assert f"{name} at " in refused.stderr
    assert "has 1 tables of another program" in refused.stderr


CHILD = """
import os
from pathlib import Path
from platform_site.run.engines import EngineUrls
from platform_site.run.options import Options
from platform_site.run.supervisor import Supervisor

url = "postgresql://someone@db.example.com/platform"
supervisor = Supervisor(Options(Path("/nowhere"), database_url=url), print)
environ = supervisor._environment(EngineUrls(url, "redis://", url), {})
print(sorted(name for name in (*os.environ, *environ) if name.startswith("PG")))
"""


@pytest.mark.parametrize(
    "module",
    ["platform_site.run.supervisor", "platform_site.wsgi", "platform_site.celery"],
)
def test_p15_no_process_of_ours_has_a_libpq_setting(module):
    """Nor a child that inherits its environment."""
    look = f"import os, {module}\n{CHILD}"

    told = subprocess.run(
        [sys.executable, "-c", look],
        cwd=ROOT,
        env=os.environ | OF_ANOTHER,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stdout == "[]\n", told.stderr


def test_p15_a_command_with_throwaway_engines_has_no_libpq_setting():
    command = [sys.executable, "-m", "platform_site.run.engines", "exec", "--"]
    command += ["/bin/sh", "-c", "env | grep -c ^PG"]

    told = subprocess.run(
        command,
        cwd=ROOT,
        env=environ() | OF_ANOTHER,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stdout == "0\n", told.stderr
