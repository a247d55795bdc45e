from __future__ import annotations

import stat

from cryptography.fernet import Fernet

from platform_site.run.keys import NAMES, key_files, throwaway_keys


def test_key_files_are_private_and_made_once(tmp_path):
    directory = tmp_path / "secrets"
    files = key_files(directory, {})
    first = {path.name: path.read_text() for path in directory.iterdir()}
    again = key_files(directory, {})

    assert files == again == {f"{n}_FILE": str(directory / n.lower()) for n in NAMES}
    assert {path.name: path.read_text() for path in directory.iterdir()} == first
    assert len(set(first.values())) == len(NAMES)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in directory.iterdir()} == {0o600}


def test_a_key_of_the_environment_wins(tmp_path):
    environ = dict.fromkeys(NAMES[3:], "given")
    environ |= {"SECRET_KEY": "given", "JWT_SECRET_KEY_FILE": "/given"}

    assert list(key_files(tmp_path, environ)) == ["ENCRYPTION_KEY_FILE"]
    assert list(throwaway_keys(environ)) == ["ENCRYPTION_KEY"]


def test_a_half_written_key_is_not_used(tmp_path):
    (tmp_path / "encryption_key.partial").write_text("ha")

    path = key_files(tmp_path, {})["ENCRYPTION_KEY_FILE"]
    with open(path, encoding="utf-8") as file:
        Fernet(file.read())
