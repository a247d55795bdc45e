"""How votes count, which role decides when, and when people are reminded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transactions.approvers.core.levels import count_people, reminds_at, role_now

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
votes = st.lists(
    st.frozensets(st.sampled_from("abcdefg"), min_size=1, max_size=2), max_size=8
)


def people(*names: str) -> list[frozenset[str]]:
    return [frozenset(name) for name in names]


def test_k11_whoever_shares_anybody_is_one():
    assert count_people([]) == 0
    assert count_people(people("a", "b")) == 2
    assert count_people(people("a", "a")) == 1
    assert count_people(people("ab", "a")) == 1
    assert count_people(people("ab", "bc", "c")) == 1
    assert count_people(people("a", "b", "ab")) == 1
    assert count_people(people("ab", "cd", "e")) == 3


@given(votes)
def test_k11_no_order_and_no_repetition_makes_more_people(given_votes):
    counted = count_people(given_votes)

    assert counted == count_people(given_votes[::-1])
    assert counted == count_people(given_votes + given_votes)
    assert counted <= len(set(given_votes))
    assert counted <= len(frozenset().union(*given_votes))


def test_the_next_higher_role_decides_from_the_very_instant():
    just_before = NOON - timedelta(microseconds=1)

    assert role_now("manager", NOON, just_before) == "manager"
    assert role_now("manager", NOON, NOON) == "admin"
    assert role_now("manager", None, NOON) == "manager"
    assert role_now("admin", NOON, NOON) == "admin"


def test_people_are_reminded_when_a_quarter_is_left():
    assert reminds_at(NOON, NOON + timedelta(hours=24)) == NOON + timedelta(hours=18)
