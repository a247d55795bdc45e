"""The operating system account that root's engines run as."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from platform_site.run.engines import accounts
from platform_site.run.engines.accounts import choose, engine_uids, unprivileged_account
from platform_site.run.engines.processes import Account, run

USERADD = shutil.which("useradd", path=accounts.ADMIN_PATH)
makes_accounts = pytest.mark.skipif(
    os.geteuid() != 0 or not USERADD, reason="needs to be root, with useradd"
)
NOLOGIN = "/usr/sbin/nologin"


def entry(
    name: str = accounts.OWN,
    shell: str = NOLOGIN,
    *,
    uid: int = 998,
    gid: int = 997,
) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, gid, "", "/nonexistent", shell))


def remove_account(name: str) -> None:
    """Remove an account if a test made it."""
    subprocess.run(["/usr/sbin/userdel", name], capture_output=True, check=False)
    with pytest.raises(KeyError):
        pwd.getpwnam(name)


NOBODY = entry("nobody", uid=65_534, gid=65_534)


@pytest.mark.parametrize("shell", [NOLOGIN, "/sbin/nologin", "/bin/false"])
def test_p17_a_system_account_without_a_login_shell_is_the_engines_own(shell):
    own = choose(entry(accounts.OWN, shell), shared=NOBODY, missing="")

    assert own == Account(998, 997, "aap-engines")
    assert str(own) == "aap-engines"


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (entry(uid=1000), "aap-engines is not a system account"),
        (entry(uid=0), "aap-engines is not a system account"),
        (entry(gid=0), "aap-engines is not a system account"),
        (entry(gid=1000), "aap-engines is not a system account"),
        (entry(accounts.OWN, "/bin/sh"), "aap-engines has a login shell"),
        (entry(accounts.OWN, ""), "aap-engines has a login shell"),
        (None, "useradd: cannot lock /etc/passwd"),
    ],
)
def test_p17_without_one_it_is_a_shared_account_with_the_reason(own, reason):
    shared = choose(own, shared=NOBODY, missing="useradd: cannot lock /etc/passwd")

    assert shared == Account(65_534, 65_534, "nobody", reason)
    assert str(shared) == f"nobody, which other programs may run as: {reason}"


def test_where_there_is_no_account_at_all_it_is_none():
    assert choose(None, shared=None, missing="there is no useradd") is None


def test_an_ordinary_user_needs_no_account_and_makes_none(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(accounts, "_make", pytest.fail)

    assert unprivileged_account(make=True) is None
    assert engine_uids() == set()


@pytest.fixture
def own_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an account that is not there yet, and not there any more."""
    name = f"aap-test-{secrets.token_hex(4)}"
    monkeypatch.setattr(accounts, "OWN", name)
    yield name
    remove_account(name)


@makes_accounts
def test_p17_root_makes_the_account_once_and_only_where_it_is_asked_to(
    own_name, monkeypatch
):
    before = unprivileged_account()
    made = unprivileged_account(make=True)
    monkeypatch.setattr(accounts, "_make", pytest.fail)

    assert before
    assert str(before) == (
        f"nobody, which other programs may run as: there is no account {own_name}"
    )
    assert made
    assert str(made) == own_name
    assert made == unprivileged_account(make=True) == unprivileged_account()
    assert {made.uid, made.gid} < set(range(1, 1000))
    assert engine_uids() == {made.uid, before.uid}
    found = pwd.getpwnam(own_name)
    assert (found.pw_dir, found.pw_shell) == ("/nonexistent", NOLOGIN)


@makes_accounts
def test_p17_where_no_account_can_be_made_the_start_says_why(own_name, monkeypatch):
    monkeypatch.setattr(accounts, "OWN", f"{own_name}:not-a-name")
    refused = unprivileged_account(make=True)
    monkeypatch.setattr(accounts, "ADMIN_PATH", "/nonexistent")
    without = unprivileged_account(make=True)

    assert refused
    assert refused.name == "nobody"
    assert f"invalid user name '{own_name}:not-a-name'" in refused.shared_because
    assert without
    assert without.shared_because == (
        f"there is no useradd to make {own_name}:not-a-name with"
    )


def test_p17_a_program_of_another_account_sees_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "kept-to-ourselves")

    shown = run(["/usr/bin/env"], account=unprivileged_account())

    assert "PATH=/usr/bin:/bin" in shown.stdout.splitlines()
    assert "kept-to-ourselves" not in shown.stdout
