"""The replay: one reader and several workers; each customer's rows in order."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from platform_site.replay.client import (
    POLICIES,
    Admin,
    Answer,
    Api,
    CustomerAgents,
    ReplayError,
    Stopped,
)
from platform_site.replay.rows import (
    Malformed,
    Row,
    StreamError,
    count_lines,
    read_rows,
)
from platform_site.replay.tally import RATE_LIMITED, SHOWN_MALFORMED, VERDICT, Tally
from platform_site.run.credentials import Login

QUEUE_LENGTH = 32
LOOK_UP_S = 0.2


@dataclass(frozen=True)
class Plan:
    """What to send, where, as whom and how fast."""

    file: Path
    base_url: str
    login: Login
    workers: int
    policy: str = "demo"
    # Id of an agent; its owner will own the customers' agents.
    owner_from: str | None = None
    limit: int | None = None
    speed: float = 0.0


@dataclass(frozen=True)
class Report:
    """Counts, duration, and why the replay ended early, if it did."""

    tally: Tally
    seconds: float
    failure: str | None
    is_interrupted: bool


def replay(plan: Plan, *, warn: Callable[[str], None]) -> Report:
    """Send the whole stream and return a report, also after Ctrl-C.

    One worker sends all rows of a customer in file order. A row whose answer is lost is
    sent again with the same idempotency key.
    """
    total = count_lines(plan.file)
    if plan.limit is not None:
        total = plan.limit if total is None else min(total, plan.limit)
    began = time.monotonic()
    with tqdm(total=total, unit="row", mininterval=0.5, dynamic_ncols=True) as bar:
        pool = WorkerPool(plan, bar)
        try:
            with _interruptible(pool):
                with pool.recording_damage():
                    for row in _in_time(_wanted(plan, pool, warn), plan.speed, pool):
                        pool.submit(row)
                pool.finish()
        except Stopped:
            pass
        finally:
            pool.shut_down()
    seconds = time.monotonic() - began
    return Report(pool.tally, seconds, pool.failure, pool.is_interrupted)


@contextlib.contextmanager
def _interruptible(pool: WorkerPool) -> Iterator[None]:
    """Let Ctrl-C stop the workers in order, and a second one end everything at once.

    KeyboardInterrupt would be lost if it was raised, for example, in a destructor.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before)
        # In a thread: the interrupted code may hold the lock that interrupt() takes.
        threading.Thread(target=pool.interrupt).start()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _wanted(plan: Plan, pool: WorkerPool, warn: Callable[[str], None]) -> Iterator[Row]:
    for found in islice(read_rows(plan.file), plan.limit):
        if isinstance(found, Row):
            yield found
            continue
        pool.skip(found, warn)


def _waits(why: str, wait_s: float) -> str:
    if why == RATE_LIMITED:
        return f"waits {wait_s:.0f} s for the rate limit"
    return f"tries again in {wait_s:.1f} s ({why})"


def _in_time(rows: Iterator[Row], speed: float, pool: WorkerPool) -> Iterator[Row]:
    """Yield the rows `speed` times as fast as recorded, without waits if it is 0."""
    first: datetime | None = None
    began = time.monotonic()
    for row in rows:
        first = first or row.occurred_at
        if speed:
            after_s = (row.occurred_at - first).total_seconds() / speed
            pool.pause(after_s - (time.monotonic() - began))
        yield row


class WorkerPool:
    """The worker threads, their queues and their common tally."""

    def __init__(self, plan: Plan, bar: tqdm[Any]) -> None:
        self.tally = Tally()
        self.failure: str | None = None
        self.is_interrupted = False
        self._plan = plan
        self._bar = bar
        self._bar_lock = threading.Lock()
        self._stop = threading.Event()
        self._admin = Admin(plan.login)
        self._queues: list[queue.Queue[Row | None]] = [
            queue.Queue(QUEUE_LENGTH) for _ in range(plan.workers)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(own,), daemon=True)
            for own in self._queues
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, row: Row) -> None:
        """Queue a row for its customer's worker, waiting for space. Raises Stopped."""
        shard = zlib.crc32(row.customer_id.encode()) % len(self._queues)
        self._put(self._queues[shard], row)

    def skip(self, found: Malformed, warn: Callable[[str], None]) -> None:
        """Count a malformed line, and print a warning about the first few."""
        self.tally.malformed += 1
        if self.tally.malformed <= SHOWN_MALFORMED:
            with self._bar_lock:
                self._bar.clear()
                warn(f"{self._plan.file}, line {found.line}: {found.reason}; skipped.")
                self._bar.refresh()
        self._advance()

    def pause(self, seconds: float) -> None:
        """Wait, unless the workers have stopped."""
        if seconds > 0:
            self._stop.wait(seconds)

    @contextlib.contextmanager
    def recording_damage(self) -> Iterator[None]:
        """Record that the stream cannot be read further; its rows so far are sent."""
        try:
            yield
        except StreamError as error:
            self.failure = str(error)

    def finish(self) -> None:
        """Wait until every queued row is sent. Raises Stopped if one was not."""
        for own in self._queues:
            self._put(own, None)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(LOOK_UP_S)
        if self._stop.is_set():
            raise Stopped

    def interrupt(self) -> None:
        """Stop after Ctrl-C."""
        self.is_interrupted = True
        self._stop.set()

    def shut_down(self) -> None:
        """Stop the workers after their current requests, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _put(self, own: queue.Queue[Row | None], row: Row | None) -> None:
        while not self._stop.is_set():
            try:
                own.put(row, timeout=LOOK_UP_S)
            except queue.Full:
                continue
            return
        raise Stopped

    def _work(self, own: queue.Queue[Row | None]) -> None:
        plan = self._plan
        api = Api(plan.base_url, stop=self._stop, on_wait=self._show_wait)
        policy = POLICIES[plan.policy]
        agents = CustomerAgents(api, self._admin, policy, plan.owner_from)
        try:
            while (row := self._next(own)) is not None:
                self._count(agents.request(row))
                self._advance()
        except Stopped:
            pass
        except ReplayError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - reported at the end.
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            api.close()

    def _next(self, own: queue.Queue[Row | None]) -> Row | None:
        while not self._stop.is_set():
            try:
                return own.get(timeout=LOOK_UP_S)
            except queue.Empty:
                continue
        raise Stopped

    def _count(self, answer: Answer) -> None:
        body = answer.body
        if answer.status == VERDICT:
            reasons = [str(reason["code"]) for reason in body["reasons"]]
        else:
            reasons = [f"{answer.status} {answer.code}"]
        self.tally.count_answer(
            answer.status,
            outcome=body.get("outcome"),
            reasons=reasons,
            is_replay=answer.headers.get("Idempotent-Replayed") == "true",
            latency_s=answer.latency_s,
        )

    def _show_wait(self, why: str, wait_s: float) -> None:
        self.tally.count_retry(why)
        with self._bar_lock:
            self._bar.set_postfix_str(f"{self.tally.verdicts}; {_waits(why, wait_s)}")

    def _advance(self) -> None:
        with self._bar_lock:
            self._bar.set_postfix_str(self.tally.verdicts, refresh=False)
            self._bar.update()

    def _fail(self, message: str) -> None:
        self.failure = self.failure or message
        self._stop.set()
