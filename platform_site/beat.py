"""The scheduler of the periodic jobs. It recovers when a wrong clock is corrected."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

STEP_S = 2


class Scheduler(DatabaseScheduler):  # type: ignore[misc] # It has no types.
    """Rereads its schedule after the wall clock was set forwards or backwards.

    Celery orders the next runs by their wall time and waits for the first one. If the
    clock had been three days ahead, Celery would wait three days.
    """

    _offset: float | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if self._clock_was_set():
            self._initial_read = True
            self._heap = None
        return float(super().tick(*args, **kwargs))

    def enabled_models(self) -> list[Any]:
        """Return the jobs. A last run in the future is set to now."""
        now = timezone.now()
        # For a job that never ran, Celery uses its row's date of change.
        new = Q(last_run_at=None, date_changed__gt=now)
        ahead = self.Model.objects.filter(Q(last_run_at__gt=now) | new)
        ahead.update(last_run_at=now)
        return list(super().enabled_models())

    def _clock_was_set(self) -> bool:
        before, self._offset = self._offset, time.time() - time.monotonic()
        return before is not None and abs(self._offset - before) > STEP_S
