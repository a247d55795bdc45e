"""Where the project's own source is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("platform_site", "transactions", "agents", "accounts", "security", "audit")


def python_files(*packages: str) -> list[Path]:
    """Return the Python files of packages (all apps, tests and benchmarks if none)."""
    names = packages or (*APPS, "tests", "benchmarks")
    return sorted(
        path
        for name in names
        for path in (ROOT / name).rglob("*.py")
        if "migrations" not in path.parts
    )
