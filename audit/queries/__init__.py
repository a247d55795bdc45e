"""Every read of the log: its events, and the tree that seals them."""

from __future__ import annotations

from audit.queries.reading import (
    ReaderLag,
    events_about,
    events_told,
    events_visible_to,
    is_being_read,
    last_verification,
    oldest_of_newest,
    reader_lags,
    retirements,
    saved_filters,
    sealed_events,
    stream,
    timeline,
    verification_is_asked,
)
from audit.queries.tree import (
    consistency_proof,
    frontier,
    inclusion_proof,
    index_of,
    leaf_time,
    newest_checkpoint,
    root_at,
    sealing_delay,
    tree_size,
)

__all__ = [
    "ReaderLag",
    "consistency_proof",
    "events_about",
    "events_told",
    "events_visible_to",
    "frontier",
    "inclusion_proof",
    "index_of",
    "is_being_read",
    "last_verification",
    "leaf_time",
    "newest_checkpoint",
    "oldest_of_newest",
    "reader_lags",
    "retirements",
    "root_at",
    "saved_filters",
    "sealed_events",
    "sealing_delay",
    "stream",
    "timeline",
    "tree_size",
    "verification_is_asked",
]
