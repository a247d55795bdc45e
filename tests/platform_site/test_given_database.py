"""A database that the environment names may be somebody else's."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from platform_site.engines import EnginesError
from platform_site.given_database import name_of, refuse_foreign
from platform_site.options import Options
from tests.platform_site.starting import manage
from tests.stress.running import free_port


def url_of(name: str) -> str:
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    return parts._replace(path=f"/{name}").geturl()


@pytest.fixture
def foreign(administration) -> Iterator[str]:
    """The URL of a database with a table of another project."""
    name = f"{os.environ['TEST_DATABASES']}_foreign"
    administration.execute(f'CREATE DATABASE "{name}"')
    with psycopg.connect(url_of(name)) as other:
        other.execute("CREATE TABLE their_orders (id int)")
    yield url_of(name)
    administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_up_says_which_database_and_refuses_one_with_tables_of_others(
    foreign, tmp_path
):
    data = tmp_path / "var"

    refused = manage("up", "--data", data, "--port", free_port(), DATABASE_URL=foreign)

    name = urllib.parse.urlsplit(foreign).path.strip("/")
    assert refused.returncode == 2
    assert f"Database: {name} at " in refused.stdout
    assert f"{name} at " in refused.stderr
    assert "has 1 tables of something else. Unset DATABASE_URL" in refused.stderr
    assert "--adopt-database" in refused.stderr
    with psycopg.connect(foreign) as other:
        tables = other.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert tables == [("their_orders",)]
    assert not (data / "secrets").exists()


def test_one_of_ours_and_an_empty_one_are_taken(committed_db, administration):
    refuse_foreign(url_of(connection.settings_dict["NAME"]))
    refuse_foreign(url_of("postgres"))


def test_one_that_does_not_answer_is_told():
    with pytest.raises(EnginesError, match=r"no-such at 127\.0\.0\.1:1 does not"):
        refuse_foreign("postgresql://u:secret@127.0.0.1:1/no-such")


def test_a_password_is_not_told():
    told = name_of("postgresql://someone:secret@db.example.com:5433/shop?sslmode=x")

    assert told == "shop at db.example.com:5433"


@pytest.mark.parametrize(
    ("asked", "given", "has_demo"),
    [
        (None, "", True),
        (None, "postgresql:///shop", False),
        (True, "postgresql:///shop", True),
        (False, "", False),
    ],
)
def test_demonstration_data_goes_into_a_given_database_only_if_asked(
    tmp_path, asked, given, has_demo
):
    options = Options(data=tmp_path, demo=asked, database_url=given)

    assert options.has_demo is has_demo
    assert options.passwords_end is (bool(given) or not has_demo)
