"""Where copies of the checkpoints go: outside of the database and its owner's reach.

A sink is a class named by dotted path in AUDIT_SINKS. Only a copy outside can show that
the whole database went back in time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

PER_DIRECTORY = 1000


class SinkRefused(Exception):
    """A sink holds another checkpoint under that number: the log has forked."""


class Sink(Protocol):
    """A place for checkpoints that takes each number once."""

    def newest(self) -> int:
        """Return the highest number that it holds, 0 if none. Raises OSError."""

    def write(self, number: int, note: str) -> None:
        """Keep a note for good; the same one again changes nothing.

        Raises OSError, and SinkRefused if it holds another under that number.
        """

    def read(self) -> Iterator[tuple[int, str]]:
        """Yield every note with its number, in order. Raises OSError."""


def sinks() -> list[Sink]:
    """Return the sinks that the settings name."""
    return [import_string(path)() for path in settings.AUDIT_SINKS]


class DirectorySink:
    """Files in AUDIT_CHECKPOINT_DIR, a thousand to a directory, written once.

    Best on a volume that the database server cannot write, or one with object lock.
    """

    def __init__(self) -> None:
        self.root = Path(settings.AUDIT_CHECKPOINT_DIR)

    def newest(self) -> int:
        for directory in sorted(self.root.glob("[0-9]*"), reverse=True):
            numbers = [int(path.stem) for path in directory.glob("[0-9]*.txt")]
            if numbers:
                return max(numbers)
        return 0

    def write(self, number: int, note: str) -> None:
        path = self._path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        _write_through(partial, note)
        try:
            os.link(partial, path)  # Unlike a rename it never replaces what is there.
        except FileExistsError:
            if path.read_text(encoding="utf-8") != note:
                message = f"{path} holds another checkpoint than ours of that number."
                raise SinkRefused(message) from None
        finally:
            partial.unlink()

    def read(self) -> Iterator[tuple[int, str]]:
        for path in sorted(self.root.glob("[0-9]*/[0-9]*.txt")):
            yield int(path.stem), path.read_text(encoding="utf-8", errors="replace")

    def _path(self, number: int) -> Path:
        return self.root / f"{number // PER_DIRECTORY:09d}" / f"{number:012d}.txt"


def _write_through(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o444)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
