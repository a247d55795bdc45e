"""`manage.py run_sequencer`: the process that seals the log."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, close_old_connections

from audit.errors import LogDamaged
from audit.services.sealing import (
    BATCH,
    Sequencer,
    deliver_checkpoints,
    make_checkpoint_if_due,
)

logger = logging.getLogger(__name__)

PAUSE_S = 0.25
AFTER_ERROR_S = 2.0
RETRY_S = 10.0


class Command(BaseCommand):
    help = (
        "Give every committed event its place in the log, seal it within a second and "
        "sign checkpoints. Any number may run; one does the work, the others stand by."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="seal what is there, make the checkpoint that is due, and end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sequencer = Sequencer()
        if options["once"]:
            while sequencer.seal():
                pass
            make_checkpoint_if_due()
            deliver_checkpoints()
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        while not stopping.is_set():
            stopping.wait(self._step(sequencer))

    def _step(self, sequencer: Sequencer) -> float:
        """Do one round; return the seconds until the next one."""
        try:
            sealed = sequencer.seal()
            has_new = make_checkpoint_if_due() is not None
            if has_new or time.monotonic() > self.deliver_at:
                has_all = deliver_checkpoints()
                self.deliver_at = math.inf if has_all else time.monotonic() + RETRY_S
        except (Error, LogDamaged):
            logger.exception("Sealing failed; it is tried again")
            # What the database remembers of us may be another database's by now.
            sequencer.settled = None
            close_old_connections()
            return AFTER_ERROR_S
        # By handfuls each event would cost as much as a hundred do.
        return 0 if sealed == BATCH else PAUSE_S

    # A crash of an earlier process may lie between a checkpoint and its copies.
    deliver_at = -math.inf
