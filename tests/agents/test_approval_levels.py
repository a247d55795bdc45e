"""Levels of approval: read with all that is wrong, monotonic, compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import PolicyVersion
from agents.policy.core.approval_levels import (
    BASE,
    ROLES,
    ApprovalLevel,
    has_role,
    is_weaker,
    level_of,
    loosens_levels,
    next_role,
)
from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.policy import (
    loosens,
    needs_second_person,
    policy_sentences,
    to_wire,
)
from agents.policy.core.words import spoken_minutes
from agents.queries import policy_rules
from audit.models import AuditEvent
from security.changes.core.wording import change_lines
from tests.factories import SEED_POLICY, make_agent

TWO = {"above": "500.00", "approvals": 2, "role": "manager"}
THREE = {"above": "800.00", "approvals": 3, "role": "admin"}
LEVELS = (
    ApprovalLevel(above_minor=500_00, approvals=2, role="manager"),
    ApprovalLevel(above_minor=800_00, approvals=3, role="admin"),
)


def terms(*levels, **changes):
    return parse_terms({**SEED_POLICY, "approval_levels": list(levels), **changes})


def errors(*levels, **changes):
    with pytest.raises(PolicyInvalid) as refusal:
        terms(*levels, **changes)
    return [(error.pointer, error.code) for error in refusal.value.errors]


@st.composite
def ordered_levels(draw: st.DrawFn) -> tuple[ApprovalLevel, ...]:
    """Levels as the reader lets them through."""
    bounds = sorted(draw(st.sets(st.integers(0, 100_000), max_size=5)))
    counts = sorted(
        draw(st.lists(st.integers(1, 5), min_size=len(bounds), max_size=len(bounds)))
    )
    admins_from = draw(st.integers(0, len(bounds)))
    return tuple(
        ApprovalLevel(
            above_minor=bound, approvals=count, role=ROLES[place >= admins_from]
        )
        for place, (bound, count) in enumerate(zip(bounds, counts, strict=True))
    )


def test_what_is_not_said_is_as_before():
    plain = parse_terms(SEED_POLICY)

    assert plain.approval_levels == ()
    assert plain.approval_expires_after_minutes == 1440
    assert plain.approval_escalates_after_minutes is None
    assert level_of(10**12, ()) == BASE
    assert (BASE.approvals, BASE.role) == (1, "manager")


def test_levels_are_read_and_said_again():
    read = terms(TWO, THREE, approval_escalates_after_minutes=30)

    assert read.approval_levels == LEVELS
    assert to_wire(read)["approval_levels"] == [TWO, THREE]
    assert parse_terms(to_wire(read)) == read
    said = dict(policy_sentences(read))
    assert said["Approvals"] == (
        "One person (manager or higher); above 500.00 USD 2 people (manager or higher);"
        " above 800.00 USD 3 people (admin)."
    )
    assert said["Time to decide"] == (
        "Expires after 24 hours; goes to the next higher role after 30 minutes."
    )


@pytest.mark.parametrize(
    ("amount", "level"),
    [
        (1, BASE),
        (500_00, BASE),
        (500_01, LEVELS[0]),
        (800_00, LEVELS[0]),
        (800_01, LEVELS[1]),
        (10**12, LEVELS[1]),
    ],
)
def test_a_level_begins_above_its_threshold(amount, level):
    assert level_of(amount, LEVELS) == level


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        (["x"], [("/approval_levels/0", "not_an_object")]),
        (
            [{"above": "600.00", "more": 1}],
            [
                ("/approval_levels/0/more", "unknown_field"),
                ("/approval_levels/0/approvals", "required"),
                ("/approval_levels/0/role", "required"),
            ],
        ),
        (
            [{"above": "x", "approvals": 0, "role": "user"}],
            [
                ("/approval_levels/0/above", "amount_not_a_number"),
                ("/approval_levels/0/approvals", "out_of_range"),
                ("/approval_levels/0/role", "role_unknown"),
            ],
        ),
        ([{**TWO, "approvals": 6}], [("/approval_levels/0/approvals", "out_of_range")]),
        (
            [{**TWO, "approvals": True}],
            [("/approval_levels/0/approvals", "out_of_range")],
        ),
        ([{**TWO, "role": ["admin"]}], [("/approval_levels/0/role", "role_unknown")]),
        (
            [{**TWO, "above": "499.99"}],
            [("/approval_levels/0/above", "below_approval")],
        ),
        (
            [{**TWO, "above": "1000.01"}],
            [("/approval_levels/0/above", "above_maximum")],
        ),
        ([TWO, TWO], [("/approval_levels/1/above", "not_increasing")]),
        (
            [TWO, {**THREE, "approvals": 1}],
            [("/approval_levels/1", "level_weaker")],
        ),
        (
            [{**TWO, "role": "admin"}, {**THREE, "role": "manager"}],
            [("/approval_levels/1", "level_weaker")],
        ),
        ([TWO] * 11, [("/approval_levels", "too_many")]),
    ],
)
def test_all_that_is_wrong_with_levels_is_told_with_its_place(levels, told):
    assert errors(*levels) == told


@pytest.mark.parametrize("value", [None, "x", {"above": "1"}, 3])
def test_levels_are_a_list(value):
    assert errors(approval_levels=value) == [("/approval_levels", "not_a_list")]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("approval_expires_after_minutes", 4, "out_of_range"),
        ("approval_expires_after_minutes", 10_081, "out_of_range"),
        ("approval_expires_after_minutes", None, "not_an_integer"),
        ("approval_expires_after_minutes", 5.5, "not_an_integer"),
        ("approval_escalates_after_minutes", True, "not_an_integer"),
        ("approval_escalates_after_minutes", 0, "out_of_range"),
        ("approval_escalates_after_minutes", 1440, "not_before_expiry"),
    ],
)
def test_times_to_decide_have_bounds(name, value, code):
    assert errors(**{name: value}) == [(f"/{name}", code)]


@given(ordered_levels(), st.integers(1, 200_000), st.integers(0, 200_000))
def test_more_money_never_needs_fewer_people_or_a_lower_role(levels, amount, more):
    assert not is_weaker(level_of(amount + more, levels), level_of(amount, levels))


@given(ordered_levels(), ordered_levels(), st.integers(1, 200_000))
def test_what_does_not_loosen_makes_no_amount_easier(old, new, amount):
    if not loosens_levels(old, new):
        assert not is_weaker(level_of(amount, new), level_of(amount, old))


@given(ordered_levels())
def test_the_same_levels_loosen_nothing_and_none_loosen_all_but_the_base(levels):
    assert not loosens_levels(levels, levels)
    assert not loosens_levels((), levels)
    is_base = all(not is_weaker(BASE, level) for level in levels)
    assert loosens_levels(levels, ()) is not is_base


@pytest.mark.parametrize(
    ("old", "new", "looser"),
    [
        ({}, {"approval_levels": [TWO]}, False),
        ({"approval_levels": [TWO]}, {}, True),
        (
            {"approval_levels": [TWO]},
            {"approval_levels": [{**TWO, "approvals": 1}]},
            True,
        ),
        (
            {"approval_levels": [{**TWO, "role": "admin"}]},
            {"approval_levels": [TWO]},
            True,
        ),
        (
            {"approval_levels": [TWO]},
            {"approval_levels": [{**TWO, "above": "600.00"}]},
            True,
        ),
        ({}, {"approval_expires_after_minutes": 1441}, True),
        ({}, {"approval_expires_after_minutes": 1439}, False),
        ({}, {"approval_escalates_after_minutes": 60}, False),
        ({"approval_escalates_after_minutes": 60}, {}, True),
        (
            {"approval_escalates_after_minutes": 60},
            {"approval_escalates_after_minutes": 61},
            True,
        ),
        (
            {"approval_escalates_after_minutes": 60},
            {"approval_escalates_after_minutes": 60},
            False,
        ),
    ],
)
def test_c7_fewer_people_a_lower_role_and_more_time_are_looser(old, new, looser):
    before, after = (parse_terms({**SEED_POLICY, **one}) for one in (old, new))

    assert loosens(before, after) is looser
    assert needs_second_person(before, after, alone_up_to=100) is looser


def test_roles_are_ordered():
    assert (next_role("manager"), next_role("admin")) == ("admin", None)
    assert has_role("admin", "manager")
    assert not has_role("manager", "admin")
    assert not has_role("user", "manager")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (1, "1 minute"),
        (5, "5 minutes"),
        (60, "1 hour"),
        (120, "2 hours"),
        (90, "90 minutes"),
        (1440, "24 hours"),
        (1441, "1441 minutes"),
        (2160, "36 hours"),
        (2880, "2 days"),
        (10_080, "7 days"),
    ],
)
def test_minutes_are_said_in_the_largest_exact_unit(minutes, said):
    assert spoken_minutes(minutes) == said


def test_a_version_keeps_its_levels_and_decisions_read_them(people):
    policy = {**SEED_POLICY, "approval_levels": [TWO, THREE]}
    agent = make_agent(people.carol, acting=people.alice, policy=policy)
    version = PolicyVersion.objects.get()

    assert version.terms == parse_terms(policy)
    assert policy_rules(version.pk).approval_levels == LEVELS
    assert agent.policy_version == version


def test_changed_levels_are_said_as_what_came_and_went(people, give_policy):
    agent = make_agent(people.carol, acting=people.alice)
    give_policy(agent, approval_levels=[TWO])

    changes = AuditEvent.objects.latest("id").details["changes"]
    assert changes == {
        "approval_levels": {"added": ["above 500.00: 2 by manager"], "removed": []}
    }
    assert change_lines(changes) == [
        ("Approval levels", "loses none", "gains above 500.00: 2 by manager")
    ]
