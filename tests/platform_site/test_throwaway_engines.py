"""Throw-away engines: what is not given starts, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from platform_site.run.engines import EnginesError, throwaway_engines
from platform_site.run.engines.directories import data_lock


def test_only_what_is_not_given_is_started():
    with throwaway_engines(database_url="postgresql://db/x") as urls:
        assert urls.database == "postgresql://db/x"
        with redis.Redis.from_url(urls.redis) as client:
            assert client.ping()


def test_what_a_killed_process_left_is_removed_and_what_is_held_stays(tmp_path: Path):
    held_one = tmp_path / "aap-throwaway-held"
    left_over = tmp_path / "aap-throwaway-left"
    for path in (held_one, left_over):
        (path / "postgres").mkdir(parents=True)
    (tmp_path / "aap-throwaway-link").symlink_to(tmp_path)

    with data_lock(held_one):
        urls = {"database_url": "postgresql://db/x", "redis_url": "redis://r"}
        with throwaway_engines(**urls, parent=tmp_path):
            [own] = set(tmp_path.glob("aap-throwaway-*")) - {
                *(held_one, left_over, tmp_path / "aap-throwaway-link")
            }
            with pytest.raises(EnginesError, match="in use"), data_lock(own):
                pass
        assert not own.exists()

    assert not left_over.exists()
    assert (held_one / "postgres").exists()
    assert (tmp_path / "aap-throwaway-link").is_symlink()
