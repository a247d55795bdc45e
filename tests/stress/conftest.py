from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stress.running import Platform, free_port


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    # Not tmp_path: the database's own account must be able to reach it.
    data = Path(tempfile.mkdtemp(prefix="stress-"))
    data.chmod(0o711)
    running = Platform(data, free_port(), tmp_path / "up.log")
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(data)
