"""The verifier for outsiders: an export, a key and a name are enough."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from audit.core.checkpoint import AT_THE_LATEST
from audit.keys import signing_key
from audit.models import AuditEvent, AuditLeaf, Checkpoint
from audit.services.sealing import make_checkpoint_if_due
from audit.verifier import main
from platform_site.run.supervisor import BASE_DIR
from tests.audit import tampering
from tests.audit.logs import seal, write_event, write_events, write_many

pytestmark = pytest.mark.usefixtures("committed_db", "outside")

# Lets nothing of the platform's own dependencies in but the one that it needs.
ALONE = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "psycopg", "rest_framework", "orjson"}:
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
from audit.verifier import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def export(tmp_path: Path, capsys) -> Path:
    """A sealed log of 300 events under three checkpoints, all written to a file."""
    for number, count in enumerate((40, 150, 110)):
        write_many(count - 1)
        write_events(1)
        seal()
        with time_machine.travel(timezone.now() + number * AT_THE_LATEST):
            assert make_checkpoint_if_due()
    return exported(tmp_path / "export.jsonl", capsys)


def exported(path: Path, capsys) -> Path:
    call_command("export_audit", "--format", "proof")
    path.write_text(capsys.readouterr().out)
    return path


def arguments(path: Path, *more: str) -> list[str]:
    key = str(signing_key().public)
    return [str(path), "--origin", "local/audit", "--key", key, *more]


def test_an_outsider_needs_nothing_of_the_platform(export: Path):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments(export)],
        env={"PATH": os.environ["PATH"]},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "300 events, 3 checkpoints.\nThe export is what was signed.\n"
    )


def test_the_export_itself_is_written_down(export: Path):
    event = AuditEvent.objects.get(action="audit.exported")

    assert event.details == {"format": "proof", "filters": {}}


def test_whatever_is_changed_in_the_export_is_found(export: Path, capsys):
    lines = export.read_text().splitlines()
    for seed in range(40):
        rng = random.Random(seed)
        change = rng.choice([edit, drop, swap, repeat, cut])
        export.write_text("\n".join(change(rng, [*lines])))

        assert main(arguments(export)) == 1, f"seed {seed}"
        out = capsys.readouterr().out
        assert "Not valid: index " in out, f"seed {seed}"
        assert "what was signed" not in out, f"seed {seed}"


def edit(rng, lines):
    place = rng.randrange(len(lines))
    item = json.loads(lines[place])
    if "note" in item:
        item["note"] = item["note"].replace("a", "b").replace("1", "2")
    else:
        event = item["event"]
        name = rng.choice(sorted(event))
        event[name] = [event[name]]
    return [*lines[:place], json.dumps(item), *lines[place + 1 :]]


def drop(rng, lines):
    place = rng.randrange(len(lines) - 1)
    return [*lines[:place], *lines[place + 1 :]]


def swap(rng, lines):
    one, other = rng.sample(range(3, len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def repeat(rng, lines):
    place = rng.randrange(3, len(lines))
    return [*lines[:place], lines[place], *lines[place:]]


def cut(rng, lines):
    return lines[: rng.randrange(3, len(lines))]


def test_a_note_that_one_kept_shows_a_history_that_was_signed_anew(
    export: Path, tmp_path: Path, capsys, as_owner
):
    """With the key one can sign another past, but not change a note that I have."""
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get(number=2).note)
    tampering.remove_guards()
    leaf = AuditLeaf.objects.get(index=5)
    AuditEvent.objects.filter(pk=leaf.event_id).update(target_label="Other")
    tampering.rehash()
    tampering.sql("DELETE FROM audit_checkpoint")
    assert make_checkpoint_if_due()
    exported(export, capsys)

    assert main(arguments(export)) == 0
    assert main(arguments(export, "--checkpoint", str(kept))) == 1
    assert "index 189" in capsys.readouterr().out


def test_events_after_the_last_checkpoint_are_told_apart(export, capsys):
    seal()
    write_event()
    seal()
    exported(export, capsys)

    assert main(arguments(export)) == 0
    assert "The last 2 are under no checkpoint yet" in capsys.readouterr().out


def test_an_event_that_is_gone_is_named(export: Path, capsys, as_owner):
    leaf = AuditLeaf.objects.get(index=7)
    tampering.remove_guards()
    AuditEvent.objects.filter(pk=leaf.event_id).delete()
    exported(export, capsys)

    assert main(arguments(export)) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "index 7: The event is gone. [event_missing]"
    assert out.count("event_missing") == 2  # As a finding, and as the first of them.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense\n", "Line 1 is not of an export"),
        ('{"index": 0}\n', "Line 1 is not of an export"),
        ("[]\n", "Line 1 is not of an export"),
    ],
)
def test_what_is_no_export_cannot_be_checked(tmp_path, capsys, text: str, reason: str):
    path = tmp_path / "other.jsonl"
    path.write_text(text)

    assert main(arguments(path)) == 2
    assert reason in capsys.readouterr().err


def test_a_wrong_key_and_an_empty_export_prove_nothing(export: Path, capsys):
    other = "local/audit+3fa8dcdc+AfXBOty3GjI7/jRDVfF/cl5/zy9Fkz6j525wRLOuDeDQ"
    assert main([str(export), "--origin", "local/audit", "--key", other]) == 2
    export.write_text("")
    assert main(arguments(export)) == 1
    assert "No checkpoint can be believed" in capsys.readouterr().out
