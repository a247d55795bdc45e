"""Options of `manage.py up`, from its command line and the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
# Time that the web server gives running requests when it stops.
WEB_GRACE_S = 8


@dataclass(frozen=True)
class Options:
    """Options of the command line, and URLs of engines from the environment."""

    data: Path
    port: int = 8000
    # None: only in an embedded database.
    demo: bool | None = None
    adopt_database: bool = False
    # They contain passwords.
    database_url: str = field(default="", repr=False)
    owner_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def given_database(self) -> str:
        """The owner's URL of an external database, "" for the embedded one."""
        return self.owner_url or self.database_url

    @property
    def has_demo(self) -> bool:
        return self.demo if self.demo is not None else not self.given_database

    @property
    def passwords_end(self) -> bool:
        """Whether first passwords expire: not with demonstration data of our own."""
        return bool(self.given_database) or not self.has_demo

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"

    @property
    def environment(self) -> Path:
        """The file from which other commands learn how to reach this platform."""
        return self.data / "environment.json"
