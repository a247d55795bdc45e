"""credentials.json: the first-run passwords, which only the operator can read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any


class CredentialsError(Exception):
    """The file is missing, unreadable or malformed; the message says which."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person's name and password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AgentSecret:
    """An agent and the credential that it exchanges for tokens."""

    id: str
    name: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Contents of the file; people by role, agents in the order of creation."""

    base_url: str
    users: dict[str, Login] = field(default_factory=dict)
    agents: tuple[AgentSecret, ...] = ()

    def with_user(self, role: str, login: Login) -> Credentials:
        return replace(self, users=self.users | {role: login})

    def with_agent(self, agent: AgentSecret) -> Credentials:
        """Return a copy with this agent, replacing one of the same name."""
        others = tuple(one for one in self.agents if one.name != agent.name)
        return replace(self, agents=(*others, agent))

    def agent(self, name: str) -> AgentSecret | None:
        return next((one for one in self.agents if one.name == name), None)


def load_credentials(path: Path) -> Credentials:
    """Read the file. Raises CredentialsError, whose message never quotes the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CredentialsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CredentialsError(f"{path} is not JSON.") from error
    try:
        return _parsed(content)
    except (TypeError, KeyError, AttributeError) as error:
        raise CredentialsError(f"{path} does not have the expected shape.") from error


def _parsed(content: Any) -> Credentials:
    users = content["users"].items()
    return Credentials(
        base_url=content["base_url"],
        users={role: Login(user["username"], user["password"]) for role, user in users},
        agents=tuple(
            AgentSecret(
                one["id"],
                one["name"],
                one["client_id"],
                one["client_secret"],
                one.get("signing_secret", ""),
            )
            for one in content["agents"]
        ),
    )


def save_credentials(path: Path, credentials: Credentials) -> None:
    """Replace the file atomically and durably; only its owner can read it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        json.dump(asdict(credentials), stream, indent=2)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    move_durably(partial, path)


def move_durably(source: Path, target: Path) -> None:
    """Rename a file within its directory, durably."""
    source.replace(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
