"""The worst reason of a hold, and whom its merchant can be taken for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.famous import famous_imitated, is_famous
from audit.base.core.lookalikes import LOOKS
from tests.house.source import python_files
from transactions.approvals.core.danger import WORST, worst_of
from transactions.approvals.core.imitation import LISTED, WAITS, imitated, known_names

GOOGLE, GOOG1E = "Google Ads", "Goog1e Ads"


def test_every_code_that_holds_has_its_place():
    sources = [path.read_text() for path in python_files("transactions")]
    holding = {
        code
        for source in sources
        for code in re.findall(r'"([a-z_]+)", (?:Outcome\.)?HOLD\b', source)
    }

    # Of these two the outcome is a variable.
    assert WORST.keys() == holding | {"merchant_lookalike", "check_failed"}
    assert len(holding) == 7


@pytest.mark.parametrize(
    ("codes", "level", "words"),
    [
        (["amount_requires_approval"], "routine", "Above the limit"),
        (
            ["amount_requires_approval", "description_suspicious"],
            "danger",
            "Its text gives orders",
        ),
        (
            ["repeated_request", "merchant_lookalike"],
            "danger",
            "Passes for another",
        ),
        (["repeated_request", "risk_elevated"], "caution", "Elevated risk"),
        (["a_code_of_another_version"], "caution", "Another reason"),
        ([], "caution", "Another reason"),
    ],
)
def test_the_worst_reason_is_told(codes, level, words):
    worst = worst_of(codes)

    assert (worst.level, worst.words) == (level, words)


def test_a_name_that_passes_for_another_now_is_as_bad_as_at_the_decision():
    assert worst_of(["amount_requires_approval"], imitated="Amazon") == worst_of(
        ["merchant_lookalike"]
    )


@given(st.sets(st.sampled_from(sorted(WORST))), st.sampled_from(sorted(WORST)))
def test_a_reason_more_never_makes_it_look_better(codes, more):
    assert worst_of([*codes, more]).place <= worst_of([*codes, more] * 2).place
    if codes:
        assert worst_of([*codes, more]).place <= worst_of(codes).place


def beside(name, *names):
    looks = {LOOKS.skeleton(name)}
    return imitated(name, known_names(names, looks=looks))


@pytest.mark.parametrize(
    ("name", "names", "told"),
    [
        ("Acme Ltd", [], ""),
        ("Acme Ltd", [("Acme Ltd", WAITS)], ""),
        ("Acme Ltd", [("ACME  Ltd", 3)], ""),
        ("Acrne Ltd", [("Acme Ltd", WAITS)], "Acme Ltd"),
        # Nobody knows either, so each can be the disguise of the other.
        ("Acme Ltd", [("Acrne Ltd", WAITS)], "Acrne Ltd"),
        ("Acme Ltd", [("Acme Ltd", 1), ("Acrne Ltd", WAITS)], ""),
        ("Acrne Ltd", [("Acme Ltd", 5), ("Acrne Ltd", 1)], "Acme Ltd"),
        ("Acme Ltd", [("Acme Ltd", 5), ("Acrne Ltd", 1)], ""),
        # What a policy names, a human has named.
        ("Acrne Ltd", [("Acme Ltd", 5), ("Acrne Ltd", LISTED)], ""),
        ("Acrne Ltd", [("Acme Ltd", LISTED), ("Acrne Ltd", 9)], "Acme Ltd"),
        # The spelling that comes first is shown, and never a key.
        ("Acrne Ltd", [("Acme Ltd", WAITS), ("acme ltd", 3)], "Acme Ltd"),
        (GOOG1E, [], "Google"),
        (GOOG1E, [(GOOGLE, WAITS)], "Google"),
        (GOOGLE, [(GOOG1E, WAITS)], ""),
        (GOOGLE, [(GOOG1E, 7)], ""),
    ],
)
def test_k16_a_name_is_compared_with_all_that_people_know(name, names, told):
    assert beside(name, *names) == told


@pytest.mark.parametrize(
    "name", ["Paypa1 Services", "Arnazon", "A-mazon", "MICR0SOFT Store", "N\u0435tflix"]
)
def test_k16_a_well_known_name_is_recognised_in_its_disguise(name):
    assert famous_imitated(name)


@pytest.mark.parametrize(
    "name", ["Amazon", "AMAZON Web Services", "Google*Ads", "Berlin Deli", "Zon", ""]
)
def test_an_honest_name_is_no_disguise_of_a_well_known_one(name):
    assert famous_imitated(name) == ""


def test_a_well_known_name_is_known_by_its_word():
    assert is_famous("Amazon Web Services")
    assert not is_famous("Amaz0n Web Services")
