"""The job queue. It moves an unreadable message to a separate list and continues.

kombu and Celery stop a worker at a message that they cannot read. Anybody who can write
to Valkey could stop all jobs that way, including alerts.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker import consumer
from django.db import Error as DatabaseError
from django.db import transaction
from kombu.transport import redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from psycopg_pool import PoolTimeout

ASIDE = "messages_put_aside"
ASIDE_MAXIMUM = 1_000
# Exceptions that reading a message with arbitrary content may raise.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

logger = logging.getLogger(__name__)


class QoS(redis.QoS):
    """Returns messages that no worker acknowledged to the queue."""

    def restore_by_tag(
        self, tag: str, client: Any = None, leftmost: bool = False
    ) -> None:
        try:
            super().restore_by_tag(tag, client, leftmost)
        except UNREADABLE:
            own: Any = self  # The stubs know neither the channel nor the indices.
            with own.channel.conn_or_acquire(client) as valkey:
                kept = valkey.hget(self.unacked_key, tag) or b""
                own._remove_from_indices(tag).execute()
            own.channel.put_aside(kept)


class Channel(redis.Channel):
    """Reads the queue, and delivers only messages that are jobs."""

    QoS = QoS

    def put_aside(self, message: bytes) -> None:
        """Keep an unreadable message for an investigation, and raise an alert."""
        with self.conn_or_acquire() as client:
            client.lpush(ASIDE, message)
            client.ltrim(ASIDE, 0, ASIDE_MAXIMUM - 1)
        logger.error("A message that is not a job was put aside")
        _raise_alert()

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)  # type: ignore[misc] # No stub.
        client.set_response_callback("BRPOP", self._popped)
        return client

    def _popped(self, answer: Any, **options: Any) -> Any:
        """Return BRPOP's result, or None if its message is not a job."""
        if not answer or self._is_job(answer[1]):
            return answer
        self.put_aside(answer[1])
        return None

    def _is_job(self, message: bytes) -> bool:
        try:
            job = self.Message(loads(bytes_to_str(message)), channel=self)
            values = [job.delivery_info[name] for name in ("exchange", "routing_key")]
            values += [job.headers[name] for name in ("task", "id")]
        except UNREADABLE:
            return False
        return all(isinstance(each, str) for each in [*values, job.delivery_tag])


class Transport(redis.Transport):
    Channel = Channel


class Consumer(consumer.Consumer):
    """Starts the jobs. A job that cannot start does not stop the worker."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
        handle = super().create_task_handler(*args, **kwargs)
        lost: Any = self.connection_errors  # type: ignore[attr-defined] # No stub.

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except lost:
                raise
            except Exception:
                logger.exception("A job could not be started")
                self._put_aside(message)
                message.reject_log_error(logger, lost)

        return on_task_received

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._put_aside(message)
        super().on_unknown_message(body, message)

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._put_aside(message)
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._put_aside(message)
        super().on_invalid_task(body, message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._put_aside(message)
        super().on_decode_error(message, exc)

    def _put_aside(self, message: Any) -> None:
        message.channel.put_aside(dumps(message._raw).encode())


def _raise_alert() -> None:
    # The worker imports this before Django is ready for models.
    from security.alerts.services import raise_this_hour

    try:
        with transaction.atomic(durable=True):
            raise_this_hour("message_put_aside")
    except (DatabaseError, PoolTimeout):
        logger.exception("The alert about a message could not be raised")
