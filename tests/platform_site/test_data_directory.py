"""A data directory in which something lies that is not ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_site.run.engines import EnginesError
from platform_site.run.engines.accounts import unprivileged_account
from platform_site.run.engines.directories import (
    check_is_ours,
    data_lock,
    engine_home,
    socket_directory,
)
from platform_site.run.engines.processes import LOG_BYTES_MAX, Child
from tests.platform_site.starting import manage
from tests.platform_site.test_engines import as_root
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


def refusal(data: Path) -> str:
    with pytest.raises(EnginesError) as caught:
        check_is_ours(data)
    return str(caught.value)


def test_what_we_made_is_ours(data):
    check_is_ours(data)


@pytest.mark.parametrize(
    "name",
    [
        *("lock", "secrets", "postgres", "credentials.json", "secrets/secret_key"),
        *("pids/web.pid", "log/web.log", "log/web.log.1", "checkpoints/000000000"),
    ],
)
def test_p16_a_link_in_it_is_refused_and_not_followed(data, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    if (data / name).is_dir():
        (data / name).rename(elsewhere)
    else:
        elsewhere.write_text("kept")
        (data / name).unlink(missing_ok=True)
    (data / name).parent.mkdir(exist_ok=True)
    (data / name).symlink_to(elsewhere)

    assert refusal(data).startswith(f"{data / name} is a symbolic link. Remove it")
    if elsewhere.is_file():
        assert elsewhere.read_text() == "kept"


@pytest.mark.parametrize("name", ["lock", "pids/web.pid", "log/web.log"])
def test_p16_a_second_name_of_a_file_elsewhere_is_refused(data, name):
    """An archive may carry a hard link, too."""
    elsewhere = data.parent / "elsewhere"
    elsewhere.write_text("kept")
    elsewhere.chmod(0o600)
    (data / name).parent.mkdir(exist_ok=True)
    os.link(elsewhere, data / name)

    told = refusal(data)

    assert told.startswith(f"{data / name} has another name elsewhere (a hard link)")
    _, _, remedy = told.partition("too: ")
    subprocess.run(["/bin/sh", "-c", remedy], check=True)
    check_is_ours(data)
    assert elsewhere.read_text() == (data / name).read_text() == "kept"


def test_p16_what_is_no_file_is_refused(data):
    os.mkfifo(data / "log" / "web.log", 0o600)

    path = data / "log" / "web.log"
    assert refusal(data) == f"{path} is neither a file nor a directory: rm {path}"


def child(data: Path) -> Child:
    (data / "pids").mkdir(exist_ok=True)
    return Child(
        name="web",
        command=["/bin/echo", "hello"],
        log=data / "log" / "web.log",
        pid_file=data / "pids" / "web.pid",
        env={},
    )


def test_p16_a_child_follows_no_link_at_its_log(data, tmp_path):
    (tmp_path / "kept").write_text("kept")
    web = child(data)
    web.log.symlink_to(tmp_path / "kept")

    with pytest.raises(OSError, match="symbolic"):
        web.start()

    assert web.process is None
    assert (tmp_path / "kept").read_text() == "kept"


def test_p16_a_child_follows_no_link_at_its_pid_file(data, tmp_path):
    (tmp_path / "kept").write_text("kept")
    web = child(data)
    web.pid_file.symlink_to(tmp_path / "kept")

    web.start()

    assert web.process is not None
    web.process.wait()
    assert (tmp_path / "kept").read_text() == "kept"
    assert web.pid_file.read_text().startswith(f"{web.process.pid} ")


@pytest.mark.parametrize("name", ["web.log", "web.log.1"])
def test_p16_cutting_a_log_follows_no_link(data, tmp_path, name):
    kept = tmp_path / "kept"
    with kept.open("wb") as file:
        file.truncate(LOG_BYTES_MAX + 1)
    web = child(data)
    if name == "web.log.1":
        shutil.copyfile(kept, web.log)
    (data / "log" / name).symlink_to(kept)

    web.bound_log()

    assert kept.stat().st_size == LOG_BYTES_MAX + 1
    if name == "web.log.1":
        assert web.log.stat().st_size == LOG_BYTES_MAX + 1


def test_a_log_above_its_bound_is_cut_and_one_older_part_stays(data):
    web = child(data)
    web.log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))

    web.bound_log()

    assert web.log.stat().st_size == 0
    assert (data / "log" / "web.log.1").stat().st_size == LOG_BYTES_MAX + 1


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory of ours that has nothing to do with us."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        (Path(directory) / "run").mkdir()
        (Path(directory) / "kept").write_text("kept")
        yield Path(directory)


@pytest.mark.parametrize("spelled", ["{}", "{}/../{name}"])
def test_p16_a_note_of_sockets_removes_no_directory_that_they_are_not_in(
    data, elsewhere, spelled
):
    named = spelled.format(elsewhere, name=elsewhere.name)
    (data / "sockets.path").write_text(named)

    with pytest.raises(EnginesError, match="we did not make for sockets") as caught:
        socket_directory(data, None)

    assert str(caught.value).endswith(f"rm {data / 'sockets.path'}")
    assert (elsewhere / "kept").read_text() == "kept"


def test_p16_a_note_of_sockets_follows_no_link(data, elsewhere):
    link = elsewhere.with_name(f"aap-{elsewhere.name}")
    link.symlink_to(elsewhere)
    (data / "sockets.path").write_text(str(link))

    with pytest.raises(EnginesError, match="we did not make for sockets"):
        socket_directory(data, None)

    assert (elsewhere / "kept").read_text() == "kept"
    link.unlink()


def test_a_note_of_our_own_sockets_removes_them(data):
    sockets = Path(tempfile.mkdtemp(prefix="aap-", dir="/tmp"))
    (data / "sockets.path").write_text(str(sockets))

    assert socket_directory(data, None) == data / "run"

    assert not sockets.exists()
    assert not (data / "sockets.path").exists()


def test_p16_a_note_of_the_engines_names_no_other_directory_of_ours(data, elsewhere):
    (data / "engines.path").write_text(f"{elsewhere}\n")

    with pytest.raises(EnginesError, match="is not ours alone"):
        engine_home(data, None)

    assert (elsewhere / "run").is_dir()


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
    (data / "log" / "web.log").write_text("")
    (data / "log" / "web.log").chmod(0o664)

    check_is_ours(data)


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

    check_is_ours(data)


def test_p16_up_refuses_it_and_changes_nothing(data):
    data.chmod(0o777)
    before = sorted(data.rglob("*"))

    refused = manage("up", "--data", data, "--port", free_port())

    assert refused.returncode == 2
    assert f"chmod go-w {data}" in refused.stderr
    assert sorted(data.rglob("*")) == before
