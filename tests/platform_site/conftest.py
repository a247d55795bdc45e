"""What the tests of the replay, and those of `up`, share."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from accounts.models import User
from platform_site.run.credentials import Credentials, Login, save_credentials
from tests.engines import memory_directory
from tests.people import PASSWORD, make_person
from tests.platform_site.starting import url_of


@pytest.fixture
def credentials(server: str, tmp_path: Path) -> Path:
    make_person("admin", User.Role.ADMIN)
    path = tmp_path / "credentials.json"
    save_credentials(path, Credentials(server, {"admin": Login("admin", PASSWORD)}))
    return path


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A place that the database's account can reach; pytest's own are closed."""
    directory = Path(tempfile.mkdtemp(prefix="aap-up-", dir=memory_directory()))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def foreign(administration) -> Iterator[str]:
    """The URL of a database with a table of another project."""
    # Each worker has its own: two files use it.
    name = f"{os.environ['TEST_DATABASES']}_{secrets.token_hex(4)}"
    administration.execute(f'CREATE DATABASE "{name}"')
    with psycopg.connect(url_of(name)) as other:
        other.execute("CREATE TABLE their_orders (id int)")
    yield url_of(name)
    administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
