"""Each action of the catalogue is a valid event of a class of OCSF 1.3.0."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from audit.core.actions import ACTIONS
from audit.core.ocsf import ocsf_object
from tests.audit.logs import ALICE, EVENT, NOBODY
from tests.audit.ocsf import CLASSES, OBJECTS, faults, printed, shapes

PARTIES = (
    NOBODY,
    ALICE,
    {"kind": "agent", "id": "agt_1", "label": "shopping"},
    {"kind": "session", "id": "ses_1", "label": "alice"},
    {"kind": "anonymous", "id": "", "label": "anonymous"},
    {"kind": "user", "id": "", "label": ""},
)


def exported(action: str, **changes: Any) -> dict[str, Any]:
    return ocsf_object({**EVENT, "action": action, **changes})


def test_every_action_is_valid_whoever_did_it_from_wherever():
    """By what each class of 1.3.0 requires, allows and knows of its attributes."""
    nothing = {"address": None, "user_agent": "", "request_id": "", "index": None}
    refused = {"outcome": "refused", "address": "2001:db8::1"}
    found = {
        (action, fault)
        for action, actor, target, rest in product(
            ACTIONS, PARTIES[:3], PARTIES, [nothing, refused]
        )
        for fault in faults(exported(action, actor=actor, target=target, **rest))
    }

    assert len(ACTIONS) > 50
    assert found == set()


@pytest.mark.parametrize("status", ["waiting", "resolved", "closed"])
def test_an_incidents_status_is_one_of_its_class(status):
    told = exported("incident.updated", details={"status": status, "note": ""})

    assert faults(told) == []
    ids = {"resolved": (4, 2), "closed": (5, 3)}.get(status, (2, 2))
    assert (told["status_id"], told["activity_id"]) == ids


def test_sign_ins_alerts_and_changes_have_their_own_classes():
    expected = {
        "user.signed_in": (3002, 1),
        "agent.token_refused": (3002, 1),
        "session.revoked": (3002, 2),
        "user.created": (3001, 1),
        "second_factor.reset": (3001, 11),
        "policy.version_created": (3004, 3),
        "team.created": (3004, 1),
        "alert.raised": (2004, 1),
        "incident.opened": (2005, 1),
        "transaction.decided": (6003, 99),
    }

    assert {
        action: (told["class_uid"], told["activity_id"])
        for action in expected
        if (told := exported(action))
    } == expected


def test_the_user_of_an_account_change_is_whose_account_it_is():
    carol = {"kind": "user", "id": "usr_3", "label": "carol"}

    told = exported("second_factor.reset", target=carol)

    assert told["user"] == {
        "uid": "usr_3",
        "name": "carol",
        "type_id": 1,
        "type": "User",
    }
    assert told["actor"]["user"]["uid"] == "usr_1"


def test_findings_say_what_was_found_and_entities_what_was_changed():
    alert = {"kind": "alert", "id": "alt_1", "label": "failed_logins"}
    agent = {"kind": "agent", "id": "agt_1", "label": "shopping"}

    finding = exported("alert.raised", target=alert)
    assert finding["finding_info"] == {"uid": "alt_1", "title": "failed_logins"}
    assert {"user", "src_endpoint", "api"} & set(finding) == set()
    assert finding["actor"]["user"]["uid"] == "usr_1"
    entity = exported("policy.version_created", target=agent)["entity"]
    assert (entity["uid"], entity["type"]) == ("agt_1", "agent")


def broken(**changes: Any) -> list[str]:
    told = {**exported("user.created"), **changes}
    return faults({name: one for name, one in told.items() if one != "gone"})


def test_the_validator_finds_what_is_wrong():
    assert broken() == []
    assert broken(user="gone") == ["user is missing"]
    assert broken(finding_info={"uid": "1", "title": "x"}) == [
        "finding_info is unknown"
    ]
    assert broken(src_endpoint={}) == ["src_endpoint is empty"]
    assert broken(src_endpoint={"port": 1}) == [
        "src_endpoint. has not at_least_one of ip, uid, name, hostname, svc_name,"
        " instance_uid, interface_uid, interface_name"
    ]
    assert broken(severity_id=7) == ["severity_id is 7"]
    assert broken(time="now") == ["time is no timestamp_t"]
    assert broken(category_uid=6) == ["category_uid"]
    assert broken(type_uid=1) == ["type_uid"]
    assert broken(observables=ALICE) == ["observables is no list"]
    assert broken(policy={"uid": "1"}) == [
        "policy is a policy, of which the facts say nothing"
    ]
    assert broken(class_uid=1) == ["class_uid 1"]


def test_the_facts_are_printed_from_a_schema():
    attributes = {
        "activity_id": {
            "type": "integer_t",
            "requirement": "required",
            "enum": {"99": "Other", "1": "Create"},
        },
        "user": {"type": "user", "requirement": "optional", "is_array": True},
        "actor": {"type": "actor", "requirement": "optional", "profile": "host"},
        "cloud": {"type": "cloud", "requirement": "required", "profile": "cloud"},
    }
    shape: dict[str, Any] = {"attributes": attributes, "constraints": {}}
    numbered = {"class_uid": 1, "category": "iam"}
    schema = {
        "version": "1.3.0",
        "classes": {name: {**shape, **numbered} for name in CLASSES},
        "objects": dict.fromkeys(OBJECTS, shape),
    }

    facts = json.loads(printed(schema))

    assert set(facts) == set(shapes())
    assert facts["source"] == shapes()["source"]
    assert facts["objects"]["user"] == {
        "constraints": {},
        "attributes": {
            "activity_id": "integer_t required 1,99",
            "actor": "actor host",
            "user": "user list",
        },
    }
