"""Every stored secret under the newest key, while everything goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from django.db import transaction

from audit.base.context import Principal
from audit.services.recording import record
from security.encryption import crypto
from security.encryption.sealed_stores import (
    SealedStore,
    SealedValue,
    all_stores,
    values_of,
)
from security.encryption.tampering import record_decryption_failure
from security.errors import DecryptionFailed
from security.step_up import takes_proof

State = Literal["current", "previous", "unreadable"]
Progress = Callable[[], object]
# While some process still writes with an old key, no pass finds nothing.
PASSES_MAX = 10
PAUSE_S = 1.0  # Gives holders of skipped (locked) rows time to finish.


@dataclass
class Rotation:
    """What a run did: values exchanged by store, those that do not decrypt, and
    `left`: how many its last pass still found under another key."""

    rotated: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    left: int = 0


def count_sealed() -> int:
    """Return how many encrypted values there are: a query for each store."""
    return sum(store.count() for store in all_stores())


def survey_keys(progress: Progress) -> dict[str, Counter[State]]:
    """Return in which state each store's values are, and write nothing.

    `progress` is called after each value.
    """
    states: dict[str, Counter[State]] = {}
    for store in all_stores():
        counts = states.setdefault(store.name, Counter())
        for value in values_of(store):
            counts[_state_of(value)] += 1
            progress()
    return states


@takes_proof
def rotate_keys(progress: Progress, *, acting: Principal) -> Rotation:
    """Encrypt every stored secret with ENCRYPTION_KEY.

    Safe while others write: a value is replaced only if it is still the one that was
    read, and a locked row is skipped and tried again. Safe to kill: which values are
    under the key is found by trying it, so a second run does the rest. Passes are
    repeated until one finds nothing to do, 10 at most. A value that does not decrypt
    stays as it is, and is recorded.
    """
    rotation = Rotation()
    for _ in range(PASSES_MAX):
        exchanged = rotation.rotated.total()
        rotation.left = sum(
            _rotate_store(store, rotation, progress) for store in all_stores()
        )
        if rotation.left == 0:
            break
        if rotation.left > rotation.rotated.total() - exchanged:
            time.sleep(PAUSE_S)
    with transaction.atomic(durable=True):
        record(
            "keys.rotated",
            details={
                "rotated": dict(rotation.rotated),
                "unreadable": len(rotation.unreadable),
                "left": rotation.left,
            },
            actor=acting,
        )
    return rotation


def _rotate_store(store: SealedStore, rotation: Rotation, progress: Progress) -> int:
    """Exchange what is under another key; return how many of those there were."""
    found = 0
    for value in values_of(store):
        state, place = _state_of(value), f"{store.name} {value.key}"
        if state == "previous":
            found += 1
            if store.swap(value, crypto.renew(value.token, context=value.context)):
                rotation.rotated[store.name] += 1
        elif state == "unreadable" and place not in rotation.unreadable:
            rotation.unreadable.append(place)
            record_decryption_failure(value.target, field=store.name)
        progress()
    return found


def _state_of(value: SealedValue) -> State:
    try:
        index = crypto.key_index(value.token, context=value.context)
    except DecryptionFailed:
        return "unreadable"
    return "previous" if index else "current"
