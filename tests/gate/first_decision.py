"""`make run` in an environment of its own, up to a first decision.

    python -m tests.gate.first_decision VENV PYTHON

As a newcomer: pip installs requirements.txt, the demo agent asks to spend, Ctrl-C ends
all of it. Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

END_TIMEOUT_S = 120
AMAZON = {"amount": "49.99", "merchant": "Amazon", "category": "electronics"}


def main(venv: str, python: str) -> None:
    # Not below a private directory: the database's own account must reach it.
    with tempfile.TemporaryDirectory(prefix="aap-run-") as directory:
        Path(directory).chmod(0o711)
        port, data = free_port(), Path(directory) / "data"
        options = f"ARGS=--port {port} --data {data}"
        command = ["make", "run", f"VENV={venv}", f"PYTHON={python}", options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            await_ready(process)
            decide(f"http://127.0.0.1:{port}/api/v1", data)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(END_TIMEOUT_S)
        # Make itself ends by the signal, after the platform has ended.
        if code not in (0, -signal.SIGINT):
            sys.exit(f"`make run` ended with exit code {code}.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit("`make run` ended, and the platform still answers.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_ready(process: subprocess.Popen[str]) -> None:
    """Pass on what it says until it is ready."""
    assert process.stdout
    for line in process.stdout:
        sys.stdout.write(line)
        if line.startswith("Ready: "):
            return
    sys.exit("`make run` ended before it was ready.")


def decide(api: str, data: Path) -> None:
    """Ask for the README's first decision; end with an error unless it is an allow."""
    credentials = json.loads((data / "credentials.json").read_text(encoding="utf-8"))
    [shopping] = [one for one in credentials["agents"] if one["name"] == "shopping"]
    secret = {name: shopping[name] for name in ("client_id", "client_secret")}
    token = post(f"{api}/auth/agent-token/", secret)["access"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "first"}
    answer = post(f"{api}/transactions/", AMAZON, **headers)
    if answer["outcome"] != "allow":
        sys.exit(f"The first decision is no allow: {answer}")
    sys.stdout.write(f"First decision: {answer['outcome']}, {answer['id']}\n")


def post(url: str, body: dict[str, str], **headers: str) -> Any:
    headers |= {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
