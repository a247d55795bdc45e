"""More processes for long work. Nothing here needs Django's apps before they are up."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import django
from django.db import connection


def process_pool(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of Django processes that work in the database of this one."""
    database = connection.settings_dict
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        jobs, spawn, _begin, (database["NAME"], database["USER"])
    )


def _begin(database: str, user: str) -> None:
    django.setup()
    connection.settings_dict.update({"NAME": database, "USER": user})
