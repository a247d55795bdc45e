"""A database that the environment names may be somebody else's."""

from __future__ import annotations

import urllib.parse

import psycopg
import pytest
from django.db import connection

from platform_site.run.engines import EnginesError
from platform_site.run.given_database import name_of, refuse_foreign
from platform_site.run.options import Options
from tests.platform_site.starting import manage, url_of
from tests.stress.running import free_port


def test_up_says_which_database_and_refuses_one_with_tables_of_others(
    foreign, tmp_path
):
    data = tmp_path / "var"

    refused = manage("up", "--data", data, "--port", free_port(), DATABASE_URL=foreign)

    name = urllib.parse.urlsplit(foreign).path.strip("/")
    assert refused.returncode == 2
    assert f"Database: {name} at " in refused.stdout
    assert f"{name} at " in refused.stderr
    assert "has 1 tables of another program. Unset DATABASE_URL" in refused.stderr
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
