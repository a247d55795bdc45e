"""Streams of transactions, and how a test replays them."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command

HEADER = "transaction_id,timestamp,customer_id,merchant_id,amount,category,is_fraud"
START = datetime(2024, 3, 1, tzinfo=UTC)


def stream(count: int, *, customers: int = 3, seed: int = 7) -> str:
    """Return a generated stream as CSV text."""
    dice = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER.split(","))
    for number in range(count):
        moment = START + timedelta(minutes=7 * number)
        row: list[object] = [f"t{number}", f"{moment:%Y-%m-%dT%H:%M:%SZ}"]
        row += [f"c{dice.randrange(customers)}", f"m{dice.randrange(5)}"]
        row += [f"{dice.randrange(100, 9000) / 100:.2f}"]
        row += [dice.choice(["", "books"]), int(dice.random() < 0.1)]
        writer.writerow(row)
    return text.getvalue()


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def run(file: Path, credentials: Path, capsys: Any, *arguments: str) -> str:
    """Replay and return the table, without its progress bar."""
    call_command("replay", str(file), "--credentials", str(credentials), *arguments)
    return str(capsys.readouterr().out)
