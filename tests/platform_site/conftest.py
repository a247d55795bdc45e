"""What the tests of the replay share."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.models import User
from platform_site.credentials import Credentials, Login, save_credentials
from tests.people import PASSWORD, make_person


@pytest.fixture
def credentials(server: str, tmp_path: Path) -> Path:
    make_person("admin", User.Role.ADMIN)
    path = tmp_path / "credentials.json"
    save_credentials(path, Credentials(server, {"admin": Login("admin", PASSWORD)}))
    return path
