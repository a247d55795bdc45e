"""Checking a log against its checkpoints: what holds, and what first does not.

Shared by `manage.py verify_audit`, which reads the database, and by the verifier for
outsiders, which reads an export.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from audit.core.checkpoint import NoteRefused, PublicKey, TreeHead, open_note
from audit.core.merkle import Frontier, Node, perfect_root

BLOCK = 256
# Transactions end sooner than this, so that an event is sealed soon after its time.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold; `index` is the place in the log, if it has one."""

    code: str
    detail: str
    index: int | None = None

    def __str__(self) -> str:
        place = "" if self.index is None else f"index {self.index}: "
        return f"{place}{self.detail} [{self.code}]"


def first_of(findings: Collection[Fault]) -> Fault | None:
    """Return the finding at the lowest index; those without a place come last."""
    return min(
        findings,
        key=lambda each: (each.index is None, each.index or 0),
        default=None,
    )


@dataclass
class TreeCheck:
    """Grows the tree again, leaf by leaf, and holds it against every checkpoint.

    `start` is a tree whose root is known to be right. After a gap nothing more can be
    said of the tree, and nothing is.
    """

    heads: Mapping[int, TreeHead]
    start: Frontier = field(default_factory=Frontier)
    findings: list[Fault] = field(default_factory=list)
    nodes: dict[Node, bytes] = field(default_factory=dict)
    clock_jumps: list[int] = field(default_factory=list)
    is_broken: bool = False

    def __post_init__(self) -> None:
        self.tree = Frontier(self.start.size, list(self.start.peaks))
        self._newest: datetime | None = None
        due = [item for item in self.heads.items() if item[1].size >= self.tree.size]
        self._due = deque(sorted(due, key=lambda item: item[1].size))
        self._compare()

    def add(self, index: int, hashed: bytes, occurred_at: datetime) -> None:
        """Take the next leaf."""
        self._look_at_clock(index, occurred_at)
        if self._is_next(index):
            self._grow(hashed)

    def add_block(
        self, first: int, hashes: Sequence[bytes], times: Sequence[datetime]
    ) -> None:
        """Take adjacent leaves at once; quicker where they are a BLOCK of the tree."""
        due = self._due[0][1].size if self._due else None
        is_whole = (
            len(hashes) == BLOCK and first == self.tree.size and not first % BLOCK
        )
        if not is_whole or (due is not None and due < first + BLOCK):
            for index, (hashed, time) in enumerate(
                zip(hashes, times, strict=True), start=first
            ):
                self.add(index, hashed, time)
            return
        earliest, latest = min(times), max(times)
        newest = self._newest or earliest
        if newest <= earliest and latest - earliest <= CLOCK_TOLERANCE:
            self._newest = latest
        else:
            for index, time in enumerate(times, start=first):
                self._look_at_clock(index, time)
        if self._is_next(first):
            self._grow(perfect_root(hashes), BLOCK.bit_length() - 1)

    def finish(self) -> None:
        """Report the checkpoints that state a longer log than there is."""
        for number, head in self._due:
            if not self.is_broken:
                detail = f"Checkpoint {number} tells of {head.size} events."
                self._find("log_shortened", detail, self.tree.size)

    def _is_next(self, index: int) -> bool:
        if not self.is_broken and index != self.tree.size:
            detail = f"The next leaf that is there is {index}."
            self._find("leaf_missing", detail, self.tree.size)
            self.is_broken = True
        return not self.is_broken

    def _grow(self, hashed: bytes, level: int = 0) -> None:
        if level:
            self.nodes[Node(level, self.tree.size >> level)] = hashed
        for node, root in self.tree.append(hashed, level):
            if not node.level % 8:
                self.nodes[node] = root
        self._compare()

    def _compare(self) -> None:
        while self._due and self._due[0][1].size == self.tree.size:
            number, head = self._due.popleft()
            if head.root != self.tree.root():
                detail = f"Checkpoint {number} was signed over other events up to here."
                self._find("root_differs", detail, self.tree.size - 1)

    def _look_at_clock(self, index: int, time: datetime) -> None:
        if self._newest is None or time > self._newest:
            self._newest = time
        elif time < self._newest - CLOCK_TOLERANCE:
            self.clock_jumps.append(index)

    def _find(self, code: str, detail: str, index: int) -> None:
        self.findings.append(Fault(code, detail, max(index, 0)))


def open_notes(
    notes: Mapping[int, str], *, origin: str, keys: Collection[PublicKey], where: str
) -> tuple[dict[int, TreeHead], list[Fault]]:
    """Return what the notes of one place say, by number, and what is wrong with them.

    They must be numbered from 1 without gaps, be signed, and never state a smaller log
    than one before. An earlier time is allowed: a clock was ahead and set right.
    """
    heads: dict[int, TreeHead] = {}
    findings = []
    for number in sorted(set(range(1, max(notes, default=0))) - set(notes))[:1]:
        detail = f"Checkpoint {number} is missing {where}."
        findings.append(Fault("checkpoint_missing", detail))
    before: TreeHead | None = None
    for number in sorted(notes):
        try:
            head = open_note(notes[number], origin=origin, keys=keys)
        except NoteRefused as error:
            detail = f"Checkpoint {number} {where}: {error}"
            findings.append(Fault("note_refused", detail))
            continue
        if before and (head.size < before.size or head == before):
            detail = f"Checkpoint {number} {where} does not go on from the one before."
            findings.append(Fault("checkpoint_backwards", detail))
        heads[number] = before = head
    return heads, findings
