"""Valkey's password: clients send it, the server stores only its digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import urllib.parse
from pathlib import Path

from platform_site.run.engines.processes import Account
from platform_site.run.keys import write_whole


def write_users(path: Path, password: str, account: Account | None) -> None:
    """Write Valkey's ACL file: one user, who must send the password."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    write_whole(path, f"user default on #{digest} ~* &* +@all\n")
    if account:
        os.chown(path, account.uid, account.gid)


def valkey_url(socket_path: str, password: str) -> str:
    return f"unix://:{urllib.parse.quote(password, safe='')}@{socket_path}?db=0"


def valkey_answers(socket_path: str, password: str) -> bool:
    """Return whether Valkey accepts the password and serves."""
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(5)
        client.connect(socket_path)
        client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        with client.makefile("rb") as replies:
            admitted = replies.readline() == b"+OK\r\n"
            return admitted and replies.readline() == b"+PONG\r\n"
    return False
