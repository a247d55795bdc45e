"""What `manage.py up` was told, by its command line and by the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
# What the web server gives the requests that it is answering when it is to stop.
WEB_GRACE_S = 8


@dataclass(frozen=True)
class Options:
    """What the command line said, and the engines that the environment gave."""

    data: Path
    port: int = 8000
    # None: where the database is our own.
    demo: bool | None = None
    adopt_database: bool = False
    # They carry passwords.
    database_url: str = field(default="", repr=False)
    owner_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def given_database(self) -> str:
        """The owner's URL of a database that is not ours to start, or none."""
        return self.owner_url or self.database_url

    @property
    def has_demo(self) -> bool:
        return self.demo if self.demo is not None else not self.given_database

    @property
    def passwords_end(self) -> bool:
        """Whether first passwords end: all but those of our own demonstration."""
        return bool(self.given_database) or not self.has_demo

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"

    @property
    def environment(self) -> Path:
        """Where other commands read how to reach what runs."""
        return self.data / "environment.json"
