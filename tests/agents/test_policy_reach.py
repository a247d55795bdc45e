"""Countries, kinds of sellers and hours of a policy: read, shown, compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.countries import COUNTRIES
from agents.core.mcc import GROUPS, blocked_codes
from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.hours import DAYS, Hours, format_clock, is_within, parse_clock
from agents.policy.core.policy import (
    compile_rules,
    describe_changes,
    loosens,
    policy_sentences,
    to_wire,
)
from agents.queries import policy_rules
from security.changes.services import approve_change
from tests.agents.policies import SEED, TERMS
from tests.factories import SEED_POLICY, make_agent
from tests.transactions.core.strategies import day_hours

WEEKDAYS = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}
REACH = {
    "time_zone": "Europe/Berlin",
    "allowed_countries": ["DE", "FR"],
    "blocked_countries": ["US"],
    "allowed_hours": [WEEKDAYS, {"days": ["sat"], "from": "09:30", "to": "24:00"}],
    "blocked_mcc_groups": ["gambling", "cash"],
    "blocked_mccs": ["5993"],
}


def terms(**changes):
    return parse_terms({**SEED, **changes})


def errors_of(**changes):
    with pytest.raises(PolicyInvalid) as error:
        terms(**changes)
    return [(item.pointer, item.code) for item in error.value.errors]


def test_a_reach_is_read_and_written_back_as_it_was():
    read = terms(**REACH)

    assert read.allowed_hours == (
        Hours(("mon", "tue", "wed", "thu", "fri"), 480, 1080),
        Hours(("sat",), 570, 1440),
    )
    assert to_wire(read) == to_wire(TERMS) | REACH
    assert parse_terms(to_wire(read)) == read


def test_a_reach_is_kept_by_the_database(alice, bob, carol, client_for):
    agent = make_agent(carol, acting=bob, policy=None)
    url = f"/api/v1/agents/{agent.pk}/policy/"

    asked = client_for(bob).put(url, {**SEED_POLICY, **REACH})
    assert asked.status_code == 202, asked.content
    approve_change(asked.json()["id"], acting=alice)

    answer = client_for(bob).get(url)
    assert {name: answer.json()[name] for name in REACH} == REACH
    agent.refresh_from_db()
    assert agent.policy_version is not None
    assert agent.policy_version.terms == terms(**REACH)
    rules = policy_rules(agent.policy_version_id)
    assert rules.allowed_countries == ("DE", "FR")
    assert rules.allowed_hours == terms(**REACH).allowed_hours
    assert {"7995", "6011", "5993"} <= rules.blocked_codes


def test_a_policy_that_does_not_speak_of_reach_has_none():
    rules = compile_rules(TERMS, version_id="pol_1", number=1)

    assert (rules.time_zone, rules.allowed_hours) == ("UTC", None)
    assert (rules.allowed_countries, rules.blocked_countries) == (None, ())
    assert rules.blocked_codes == frozenset()


def test_all_that_is_wrong_with_a_reach_is_told_with_its_place():
    assert errors_of(
        time_zone="Mars/Olympus",
        allowed_countries=["de", "DE", "DE", 7],
        blocked_countries=None,
        allowed_hours=[
            {"days": ["mon", "mon"], "from": "8:00", "to": "25:00"},
            {"days": [], "from": "08:00", "to": "24:01"},
            {"days": ["mon"], "from": "18:00", "to": "18:00"},
            {"days": ["mon"], "from": "22:00", "to": "06:00"},
            {"days": ["mon"], "from": "08:00"},
            "always",
            {"days": [["mon"]], "from": None, "to": "0٨:00"},
        ],
        blocked_mcc_groups=["nonsense", ["cash"]],
        blocked_mccs=["799", "7995", "7995", 7995, "٧٩٩٥"],
    ) == [
        ("/time_zone", "time_zone_unknown"),
        ("/allowed_countries/0", "country_unknown"),
        ("/allowed_countries/2", "duplicate"),
        ("/allowed_countries/3", "not_a_text"),
        ("/blocked_countries", "not_a_list"),
        ("/blocked_mcc_groups/0", "mcc_group_unknown"),
        ("/blocked_mcc_groups/1", "not_a_text"),
        ("/blocked_mccs/0", "mcc_malformed"),
        ("/blocked_mccs/2", "duplicate"),
        ("/blocked_mccs/3", "not_a_text"),
        ("/blocked_mccs/4", "mcc_malformed"),
        ("/allowed_hours/0/days", "day_unknown"),
        ("/allowed_hours/0/from", "not_a_time"),
        ("/allowed_hours/0/to", "not_a_time"),
        ("/allowed_hours/1/days", "not_a_list"),
        ("/allowed_hours/1/to", "not_a_time"),
        ("/allowed_hours/2/to", "hours_end_first"),
        ("/allowed_hours/3/to", "hours_end_first"),
        ("/allowed_hours/4", "hours_shape"),
        ("/allowed_hours/5", "hours_shape"),
        ("/allowed_hours/6/days", "day_unknown"),
        ("/allowed_hours/6/from", "not_a_text"),
        ("/allowed_hours/6/to", "not_a_time"),
    ]


@pytest.mark.parametrize(
    "zone", ["", "EST", "localtime", "europe/berlin", "../etc/passwd", "/etc/passwd"]
)
def test_only_a_named_place_is_a_time_zone(zone):
    assert errors_of(time_zone=zone) == [("/time_zone", "time_zone_unknown")]


@pytest.mark.parametrize("zone", [7, None, ["UTC"]])
def test_a_time_zone_is_a_text(zone):
    assert errors_of(time_zone=zone) == [("/time_zone", "not_a_text")]


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        ([WEEKDAYS] * 51, "too_many"),
        ("08:00", "not_a_list"),
        ({}, "not_a_list"),
        (8, "not_a_list"),
    ],
)
def test_hours_are_a_bounded_list(hours, code):
    assert errors_of(allowed_hours=hours) == [("/allowed_hours", code)]


@pytest.mark.parametrize(
    "change",
    [
        {"allowed_countries": None},
        {"allowed_countries": ["DE", "FR", "US"]},
        {"blocked_countries": []},
        {"allowed_hours": None},
        {"allowed_hours": [WEEKDAYS | {"to": "18:01"}]},
        {"allowed_hours": [WEEKDAYS | {"days": ["sun"]}]},
        {"time_zone": "UTC"},
        {"blocked_mcc_groups": ["gambling"]},
        {"blocked_mccs": []},
    ],
)
def test_a_wider_reach_loosens(change):
    assert loosens(terms(**REACH), terms(**{**REACH, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"allowed_countries": []},
        {"allowed_countries": ["FR"]},
        {"blocked_countries": ["US", "GB"]},
        {"allowed_hours": []},
        {"allowed_hours": [], "time_zone": "UTC"},
        {"allowed_hours": [WEEKDAYS | {"from": "08:30"}]},
        # The same hours, said in two parts.
        {
            "allowed_hours": [
                WEEKDAYS | {"to": "12:00"},
                WEEKDAYS | {"from": "12:00"},
                {"days": ["sat"], "from": "09:30", "to": "24:00"},
            ]
        },
        # All that the group blocked and more.
        {
            "blocked_mcc_groups": ["cash"],
            "blocked_mccs": [*sorted(GROUPS["gambling"]), "5993"],
        },
    ],
)
def test_a_narrower_reach_does_not_loosen(change):
    assert not loosens(terms(**REACH), terms(**{**REACH, **change}))


def test_a_zone_alone_changes_nothing_where_every_hour_is_allowed():
    assert not loosens(TERMS, terms(time_zone="Europe/Berlin"))


def test_changes_tell_hours_in_words():
    old, new = terms(**REACH), terms(**{**REACH, "allowed_hours": [WEEKDAYS]})

    assert describe_changes(old, new) == {
        "allowed_hours": {"added": [], "removed": ["Sat 09:30–24:00"]}
    }
    assert describe_changes(TERMS, new)["allowed_hours"] == [
        None,
        ["Mon–Fri 08:00–18:00"],
    ]


@pytest.mark.parametrize(
    ("changes", "subject", "sentence"),
    [
        ({}, "Countries", "Any country."),
        ({}, "Kinds of sellers (MCC)", "Any kind."),
        ({}, "Hours", "At any time."),
        (REACH, "Countries", "DE, FR, but not US."),
        (REACH, "Kinds of sellers (MCC)", "Any but gambling, cash, 5993."),
        (
            REACH,
            "Hours",
            "Mon–Fri 08:00–18:00; Sat 09:30–24:00 (Europe/Berlin).",
        ),
        (
            {"allowed_hours": [WEEKDAYS | {"days": ["mon", "wed"]}]},
            "Hours",
            "Mon, Wed 08:00–18:00 (UTC).",
        ),
        (
            {"allowed_hours": [WEEKDAYS | {"days": ["mon", "tue"]}]},
            "Hours",
            "Mon, Tue 08:00–18:00 (UTC).",
        ),
        (
            {"allowed_hours": [WEEKDAYS | {"days": ["fri", "sat", "sun"]}]},
            "Hours",
            "Fri–Sun 08:00–18:00 (UTC).",
        ),
        (
            {"allowed_hours": [WEEKDAYS | {"days": ["mon", "tue", "thu"]}]},
            "Hours",
            "Mon, Tue, Thu 08:00–18:00 (UTC).",
        ),
        ({"allowed_countries": []}, "Countries", "None: every purchase is denied."),
        ({"blocked_countries": ["US", "GB"]}, "Countries", "Any but US, GB."),
        ({"allowed_hours": []}, "Hours", "Never: every purchase is denied."),
    ],
)
def test_a_reach_in_words(changes, subject, sentence):
    assert dict(policy_sentences(terms(**changes)))[subject] == sentence


def test_groups_are_ranges_of_codes():
    assert {"3000", "3350", "4511"} <= GROUPS["airlines"]
    assert "3351" in GROUPS["car_rental"] - GROUPS["airlines"]
    assert {"3501", "3999", "7011"} <= GROUPS["lodging"]
    assert {"7800", "7801", "7802", "7995"} <= GROUPS["gambling"]
    assert {"6010", "6011", "6012", "6051"} <= GROUPS["cash"]
    assert blocked_codes(["tobacco"], ["1234"]) == {"5993", "1234"}
    assert {len(code) for codes in GROUPS.values() for code in codes} == {4}


def test_countries_are_those_of_iso_3166():
    assert len(COUNTRIES) == 249 + 1
    assert {"DE", "US", "XK"} <= COUNTRIES
    assert not {"UK", "EU", "XX", "AN"} & COUNTRIES


@pytest.mark.parametrize(
    ("text", "minute"),
    [("00:00", 0), ("08:30", 510), ("23:59", 1439), ("24:00", 1440)],
)
def test_clocks(text, minute):
    assert (parse_clock(text), format_clock(minute)) == (minute, text)


@pytest.mark.parametrize("text", ["", "8:30", "24:01", "23:60", "08:30 ", "٠٨:٣٠", "x"])
def test_what_is_no_clock(text):
    assert parse_clock(text) is None


@given(
    st.lists(day_hours, min_size=1, max_size=2),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.integers(0, 366 * 24 * 60),
)
def test_hours_hold_by_the_wall_clock_of_their_zone(hours, zone, minutes):
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute

    assert is_within(hours, zone, now) == any(
        DAYS[local.weekday()] in each.days
        and each.start_minute <= minute < each.end_minute
        for each in hours
    )


def test_the_stored_form_of_hours_is_told_apart_from_any_hour():
    assert replace(TERMS, allowed_hours=()) != TERMS
    assert loosens(replace(TERMS, allowed_hours=()), TERMS)
