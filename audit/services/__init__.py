"""Writing the log and sealing it. There is one way in: `record()`."""

from __future__ import annotations

from audit.services.exports import (
    PROOF,
    export_events,
    export_proof,
    record_export,
)
from audit.services.following import follow
from audit.services.recording import (
    Outcome,
    build_event,
    masked_text,
    record,
    record_refusal,
    record_viewed,
)
from audit.services.retention import Retired, retire_months
from audit.services.saved_filters import (
    forget_filters,
    remove_filter,
    save_filter,
)
from audit.services.sealing import (
    BATCH,
    Sequencer,
    deliver_checkpoints,
    make_checkpoint_if_due,
)
from audit.services.verification import (
    Verification,
    ask_for_verification,
    record_verification,
    verify_log,
)

__all__ = [
    "BATCH",
    "PROOF",
    "Outcome",
    "Retired",
    "Sequencer",
    "Verification",
    "ask_for_verification",
    "build_event",
    "deliver_checkpoints",
    "export_events",
    "export_proof",
    "follow",
    "forget_filters",
    "make_checkpoint_if_due",
    "masked_text",
    "record",
    "record_export",
    "record_refusal",
    "record_verification",
    "record_viewed",
    "remove_filter",
    "retire_months",
    "save_filter",
    "verify_log",
]
