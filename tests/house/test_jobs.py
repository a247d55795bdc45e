"""What a message in the queue may say: which job, and hardly more."""

from __future__ import annotations

import inspect
import pickle

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from platform_site.celery import app
from platform_site.schedule import SCHEDULE
from tests.house.source import APPS

# All else that a job does, it reads from the database, as it is then.
TAKES = {"accounts.tasks.send_password_reset": ["email"]}


def parameters():
    """Return the names of the parameters of each job of ours."""
    app.loader.import_default_modules()
    return {
        name: [*inspect.signature(job.run).parameters]
        for name, job in app.tasks.items()
        if name.split(".")[0] in APPS
    }


def test_o6_a_forged_message_starts_only_what_runs_anyway_or_mails_an_owner():
    jobs = parameters()

    assert len(jobs) > 10
    assert {entry["task"] for entry in SCHEDULE.values()} == jobs.keys() - TAKES.keys()


def test_o8_no_message_tells_a_secret():
    assert {name: names for name, names in parameters().items() if names} == TAKES
    told = ("args", "kwargs")
    assert [one for one in SCHEDULE.values() if any(map(one.get, told))] == []


def test_o5_nothing_but_json_is_read():
    class Opened:
        def __reduce__(self):
            return (pytest.fail, ("It was unpickled.",))

    assert app.conf.accept_content == ["json"]
    with pytest.raises(ContentDisallowed):
        loads(
            pickle.dumps(Opened()),
            "application/x-python-serialize",
            "binary",
            accept=app.conf.accept_content,
        )
