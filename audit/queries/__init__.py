"""Every read of the log: its events, and the tree that seals them."""

from __future__ import annotations

from audit.queries.reading import (
    events_about,
    events_visible_to,
    last_verification,
    retirements,
    stream,
    timeline,
    verification_is_asked,
)
from audit.queries.tree import (
    consistency_proof,
    frontier,
    inclusion_proof,
    index_of,
    newest_checkpoint,
    root_at,
    sealing_delay,
    tree_size,
)

__all__ = [
    "consistency_proof",
    "events_about",
    "events_visible_to",
    "frontier",
    "inclusion_proof",
    "index_of",
    "last_verification",
    "newest_checkpoint",
    "retirements",
    "root_at",
    "sealing_delay",
    "stream",
    "timeline",
    "tree_size",
    "verification_is_asked",
]
