from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def outside(settings, tmp_path: Path) -> Path:
    """The directory outside of the database that checkpoints are written to."""
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"
