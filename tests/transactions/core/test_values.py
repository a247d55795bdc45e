"""What is written into a record is read out of it again, whatever fields there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.terms import TERMS, PolicyTerms
from audit.base.core.codec import as_json, from_json
from tests.transactions.core.cases import NOW
from tests.transactions.core.strategies import all_facts, policies, thresholds
from transactions.calls.core.decision import CallFacts
from transactions.decisions.core.facts import Facts, MerchantHistory, Thresholds
from transactions.decisions.core.outcome import Outcome

texts = st.text(st.characters(exclude_categories=["Cs"]))
call_facts = st.builds(
    CallFacts,
    effect=st.sampled_from([None, "read", "write", "send", "admin"]),
    function=texts,
    is_registered=st.booleans(),
    is_enabled=st.booleans(),
    violations=st.none() | st.lists(texts).map(tuple),
    agent_is_active=st.booleans(),
    owner_is_active=st.booleans(),
    credential_is_live=st.booleans(),
    locks=st.lists(texts).map(tuple),
)


@dataclass(frozen=True, slots=True)
class Inner:
    number: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Anything:
    """A field of each kind that a record may have."""

    text: str
    flag: bool
    outcome: Outcome
    day: date
    inner: Inner
    maybe: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    names: frozenset[str]
    later: tuple[int, ...] = (1, 2)


inners = st.builds(
    Inner,
    st.integers(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
anythings = st.builds(
    Anything,
    text=texts,
    flag=st.booleans(),
    outcome=st.sampled_from(Outcome),
    day=st.dates(),
    inner=inners,
    maybe=st.none() | inners,
    many=st.lists(inners).map(tuple),
    pair=st.tuples(st.integers(), texts),
    names=st.frozensets(texts),
    later=st.lists(st.integers()).map(tuple),
)


@given(
    all_facts.map(lambda value: (Facts, value))
    | thresholds.map(lambda value: (Thresholds, value))
    | call_facts.map(lambda value: (CallFacts, value))
    | anythings.map(lambda value: (Anything, value))
)
def test_j16_what_is_written_is_read_again(case):
    kind, value = case

    text = json.dumps(as_json(value))

    assert from_json(kind, json.loads(text)) == value


def test_instants_are_written_in_utc():
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert as_json(MerchantHistory(last_request_at=east)) == {
        "allowed_count": 0,
        "last_amount_minor": 0,
        "last_request_at": "2025-03-04T15:30:00Z",
        "lookalikes": [],
        "lookalike_names": [],
    }


WHOLE = as_json(
    Anything(
        *("text", True, Outcome.HOLD, date(2025, 3, 4), Inner(1, NOW), None),
        *((Inner(2),), (3, "x"), frozenset({"b", "a"})),
    )
)


def test_a_field_that_an_older_record_lacks_has_its_default():
    older = {name: value for name, value in WHOLE.items() if name != "later"}

    assert from_json(Anything, older).later == (1, 2)
    assert from_json(Thresholds, {}) == Thresholds()


@pytest.mark.parametrize(
    "changes",
    [
        {"text": 1},
        {"text": None},
        {"flag": 1},
        {"flag": "true"},
        {"outcome": "perhaps"},
        {"day": "yesterday"},
        {"day": 20250304},
        {"inner": None},
        {"inner": []},
        {"inner": {}},
        {"inner": {"number": True}},
        {"inner": {"number": 1.0}},
        {"inner": {"number": 1, "at": "noon"}},
        {"inner": {"number": 1, "colour": "red"}},
        {"many": {}},
        {"many": [None]},
        {"pair": [3]},
        {"pair": [3, "x", 4]},
        {"names": "ab"},
        {"colour": "red"},
    ],
)
def test_what_nobody_wrote_is_refused(changes):
    with pytest.raises(ValueError, match=r"."):
        from_json(Anything, WHOLE | changes)


def test_a_field_without_a_default_must_be_there():
    with pytest.raises(ValueError, match="number"):
        from_json(Inner, {})
    with pytest.raises(ValueError, match="dict"):
        from_json(Inner, None)


@pytest.mark.parametrize("value", [1.5, Decimal(1), b"", [1], {"a": 1}, {1}])
def test_what_has_no_one_spelling_is_never_written(value):
    with pytest.raises(TypeError):
        as_json((value,))


def test_a_type_that_cannot_be_read_is_told():
    @dataclass(frozen=True)
    class Wrong:
        share: float

    with pytest.raises(TypeError, match="float"):
        from_json(Wrong, {"share": 1})


@given(policies())
def test_the_terms_of_a_policy_are_all_there(rules):
    terms = PolicyTerms(**{name: getattr(rules, name) for name in TERMS})

    assert from_json(PolicyTerms, as_json(terms)) == terms
