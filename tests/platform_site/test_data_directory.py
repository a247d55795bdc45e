"""A data directory in which something lies that is not ours."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_site.engines import EnginesError
from platform_site.engines.accounts import engine_uids, unprivileged_account
from platform_site.engines.directories import check_is_ours, data_lock
from tests.platform_site.test_engines import as_root
from tests.platform_site.test_up import manage
from tests.stress.running import free_port

FOREIGN = 12_345


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:
        data = Path(parent, "var")
        data.mkdir(mode=0o711)
        (data / "secrets").mkdir(mode=0o700)
        (data / "secrets" / "secret_key").write_text("x")
        (data / "secrets" / "secret_key").chmod(0o600)
        (data / "postgres").mkdir(mode=0o700)
        (data / "log").mkdir(mode=0o700)
        (data / "credentials.json").write_text("{}")
        yield data


def check(data: Path) -> None:
    check_is_ours(data, engine_uids())


def refusal(data: Path) -> str:
    with pytest.raises(EnginesError) as caught:
        check(data)
    return str(caught.value)


def test_what_we_made_is_ours(data):
    check(data)


@pytest.mark.parametrize("name", ["lock", "secrets", "postgres", "credentials.json"])
def test_p16_a_link_in_it_is_refused_and_not_followed(data, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    if name in ("secrets", "postgres"):
        (data / name).rename(elsewhere)
    else:
        elsewhere.write_text("kept")
        (data / name).unlink(missing_ok=True)
    (data / name).symlink_to(elsewhere)

    assert refusal(data).startswith(f"{data / name} is a symbolic link. Remove it")
    if elsewhere.is_file():
        assert elsewhere.read_text() == "kept"


def test_p16_the_lock_itself_follows_no_link(data, tmp_path):
    (tmp_path / "kept").write_text("kept")
    (data / "lock").symlink_to(tmp_path / "kept")

    with pytest.raises(OSError, match="symbolic"), data_lock(data):
        pytest.fail("It was followed.")

    assert (tmp_path / "kept").read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("", 0o777),
        ("", 0o775),
        ("secrets", 0o770),
        ("secrets/secret_key", 0o660),
        ("log", 0o777),
        ("credentials.json", 0o666),
    ],
)
def test_p16_what_others_may_write_to_is_refused(data, name, mode):
    (data / name).chmod(mode)

    told = refusal(data)

    assert told == f"Others may write to {data / name}: chmod go-w {data / name}"


def test_what_a_group_of_ones_own_may_write_to_is_ours(data):
    (data / "log").chmod(0o775)

    check(data)


@as_root
@pytest.mark.parametrize("name", ["", "secrets", "secrets/secret_key", "log"])
def test_p16_what_belongs_to_another_account_is_refused_with_the_command(data, name):
    """As after `cp -r` by another account."""
    os.chown(data / name, FOREIGN, FOREIGN)

    told = refusal(data)

    assert told.startswith(f"{data / name} belongs to {FOREIGN}, and this is root.")
    assert told.endswith(f"chown -R root {data / name}")


@as_root
def test_what_belongs_to_the_engines_account_is_ours(data):
    account = unprivileged_account()
    os.chown(data / "postgres", account.uid, account.gid)

    check(data)


def test_p16_up_refuses_it_and_changes_nothing(data):
    data.chmod(0o777)
    before = sorted(data.rglob("*"))

    refused = manage("up", "--data", data, "--port", free_port())

    assert refused.returncode == 2
    assert f"chmod go-w {data}" in refused.stderr
    assert sorted(data.rglob("*")) == before
