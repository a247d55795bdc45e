"""Check an export of the log without the platform that wrote it.

    python -m audit.verifier EXPORT --origin NAME --key NAME+ID+KEY

EXPORT is what `manage.py export_audit --format proof` printed. The key and the log's
name come from its operator (`manage.py audit_key`), by another way than the export;
`--checkpoint FILE` adds notes that one has kept oneself. Needs Python and the package
`cryptography`, no Django, no database and no network.

Exit code 0: the events are those that were signed. 1: they are not. 2: unknown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audit.base.core.canonical import canonical
from audit.core.checkpoint import NoteRefused, PublicKey, TreeHead, open_note
from audit.core.merkle import leaf_hash
from audit.core.retention import Retirement, is_explained, retirement_of
from audit.core.verification import Fault, TreeCheck, first_of, open_notes

FINDINGS_MAX = 20


@dataclass(frozen=True)
class Outcome:
    """What came of it: of `size` events `covered` are under a signed checkpoint."""

    size: int
    covered: int
    checkpoints: int
    findings: list[Fault]


def verify_export(
    lines: Iterable[str],
    *,
    origin: str,
    keys: list[PublicKey],
    kept: Iterable[TreeHead] = (),
) -> Outcome:
    """Check the lines of an export, its checkpoints first.

    `kept` are checkpoints from elsewhere. Raises ValueError if it is not an export.
    """
    notes: dict[int, str] = {}
    check: TreeCheck | None = None
    findings: list[Fault] = []
    absences = _Absences()
    for number, line in enumerate(lines, start=1):
        try:
            item = json.loads(line)
            if check is None and "checkpoint" in item:
                notes[int(item["checkpoint"])] = item["note"]
                continue
            check = check or _begin(notes, origin, keys, kept, findings)
            _add(check, absences, item)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"Line {number} is not of an export.") from error
    check = check or _begin(notes, origin, keys, kept, findings)
    check.finish()
    sizes = [head.size for head in check.heads.values()]
    return Outcome(
        size=check.tree.size,
        covered=min(check.tree.size, max(sizes, default=0)),
        checkpoints=len(notes),
        findings=[*findings, *check.findings, *absences.findings()],
    )


def _begin(
    notes: dict[int, str],
    origin: str,
    keys: list[PublicKey],
    kept: Iterable[TreeHead],
    findings: list[Fault],
) -> TreeCheck:
    heads, wrong = open_notes(notes, origin=origin, keys=keys, where="in the export")
    findings += wrong
    # Numbered below those of the export, so that messages can distinguish them.
    heads |= {-place: head for place, head in enumerate(kept, start=1)}
    if not heads:
        findings.append(Fault("checkpoint_missing", "No checkpoint can be believed."))
    return TreeCheck(heads)


@dataclass
class _Absences:
    """Events that an export lacks, and what it says to explain that."""

    missing: list[tuple[int, datetime]] = field(default_factory=list)
    retirements: list[Retirement] = field(default_factory=list)

    def findings(self) -> list[Fault]:
        return [
            Fault("event_missing", "The event is gone.", index)
            for index, occurred_at in self.missing
            if not is_explained(occurred_at, self.retirements)
        ]


def _add(check: TreeCheck, absences: _Absences, item: dict[str, Any]) -> None:
    index, event = int(item["index"]), item["event"]
    if event is None:
        time = datetime.fromisoformat(item["occurred_at"])
        absences.missing.append((index, time))
        check.add(index, bytes.fromhex(item["leaf"]), time)
        return
    time = datetime.fromisoformat(event["occurred_at"])
    if event["action"] == "audit.retired":
        retirement = retirement_of(event["details"], at=time)
        absences.retirements += [retirement] if retirement else []
    check.add(index, leaf_hash(canonical(event)), time)


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.verifier",
        description="Check an export of the audit log against its signed checkpoints.",
    )
    parser.add_argument("export", type=Path, help="a file, or - for standard input")
    parser.add_argument("--origin", required=True, help="the log's name")
    parser.add_argument("--key", required=True, action="append", help="name+id+key")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a signed note that you kept yourself",
    )
    chosen = parser.parse_args(arguments)
    try:
        keys = [PublicKey.parse(text) for text in chosen.key]
        kept = [
            open_note(path.read_text("utf-8"), origin=chosen.origin, keys=keys)
            for path in chosen.checkpoint
        ]
        with _lines_of(chosen.export) as lines:
            outcome = verify_export(lines, origin=chosen.origin, keys=keys, kept=kept)
    except (OSError, ValueError, NoteRefused) as error:
        print(f"Cannot be checked: {error}", file=sys.stderr)
        return 2
    for finding in outcome.findings[:FINDINGS_MAX]:
        print(finding)
    print(f"{outcome.size} events, {outcome.checkpoints} checkpoints.")
    if later := outcome.size - outcome.covered:
        print(f"The last {later} are under no checkpoint yet: nothing proves them.")
    first = first_of(outcome.findings)
    print(f"Not valid: {first}" if first else "The export is what was signed.")
    return 1 if first else 0


def _lines_of(path: Path) -> Any:
    return sys.stdin if str(path) == "-" else path.open(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
