"""The Open Cybersecurity Schema Framework 1.3.0: an event as one of its classes.

Each class has other attributes, so each has its own builder. What an event does not
say is left out: an empty object is not an endpoint, and an empty text is not a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

VENDOR, PRODUCT, PRODUCT_VERSION = "AI Agent Platform", "audit log", "1"
OCSF_VERSION = "1.3.0"

Event = Mapping[str, Any]
Attributes = dict[str, Any]

CREATE, UPDATE, OTHER = (1, "Create"), (3, "Update"), 99
MFA_DISABLE = (11, "MFA Factor Disable")
LOGON, LOGOFF = (1, "Logon"), (2, "Logoff")
FINDING_UPDATE, FINDING_CLOSE = (2, "Update"), (3, "Close")
NEW, IN_PROGRESS = (1, "New"), (2, "In Progress")
INFORMATIONAL, MEDIUM, HIGH = 1, 3, 4
PERSON_TYPES = {"": (0, "Unknown"), "user": (1, "User"), "system": (3, "System")}
# The responsible person of an incident without one.
ADMINISTRATORS = {"name": "administrators"}
# By which changes of entities and alerts have an actor.
HOST = ("host",)


@dataclass(frozen=True, slots=True)
class Class:
    """A class, what else it holds, and which of its activities an action is."""

    category: int
    uid: int
    attributes: Callable[[Event], Attributes]
    activities: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()


def ocsf_class(action: str) -> Class:
    """Return the class of an action; API Activity is everything else."""
    family = action.partition(".")[0]
    return CLASSES.get(action) or CLASSES.get(family) or API_ACTIVITY


def ocsf_object(event: Event) -> Attributes:
    """Return an event as an object of its class."""
    action = event["action"]
    kind = ocsf_class(action)
    activity, name = _activity(kind, event)
    metadata = {
        "version": OCSF_VERSION,
        "uid": event["id"],
        "event_code": action,
        "sequence": event["index"],
        "profiles": [*kind.profiles],
        "product": {
            "name": PRODUCT,
            "vendor_name": VENDOR,
            "version": PRODUCT_VERSION,
        },
    }
    return _given(
        {
            "metadata": _given(metadata),
            "time": milliseconds(event),
            "category_uid": kind.category,
            "class_uid": kind.uid,
            "activity_id": activity,
            "activity_name": name,
            "type_uid": kind.uid * 100 + activity,
            "status_code": event["outcome"],
            **kind.attributes(event),
        }
    )


def milliseconds(event: Event) -> int:
    """Return when it happened, in milliseconds since 1970."""
    return int(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)


def _activity(kind: Class, event: Event) -> tuple[int, str]:
    action = event["action"]
    if action == "incident.updated" and event["details"].get("status") == "closed":
        return FINDING_CLOSE
    return kind.activities.get(action, (OTHER, action))


def _api_activity(event: Event) -> Attributes:
    target = event["target"]
    resource = _given({"uid": target["id"], "name": target["label"]})
    if resource and target["kind"]:
        resource["type"] = target["kind"]
    request = _given({"uid": event["request_id"]})
    return {
        **_act(event),
        "actor": {"user": _person(event["actor"])},
        "api": _given({"operation": event["action"], "request": request}),
        # Required: what has no address happened within the platform.
        "src_endpoint": _endpoint(event) or {"svc_name": VENDOR},
        "resources": [resource] if resource else [],
    }


def _authentication(event: Event) -> Attributes:
    is_session = event["target"]["kind"] == "session"
    return {
        **_account_change(event),
        "service": {"name": VENDOR},
        "session": _given({"uid": event["target"]["id"]}) if is_session else {},
    }


def _account_change(event: Event) -> Attributes:
    return {
        **_act(event),
        "actor": {"user": _person(event["actor"])},
        "user": _person(_account(event)),
        "src_endpoint": _endpoint(event),
    }


def _entity_management(event: Event) -> Attributes:
    target = event["target"]
    kind = target["kind"]
    named = _given({"uid": target["id"], "name": target["label"]})
    return {
        **_act(event),
        "actor": {"user": _person(event["actor"])},
        "entity": {
            **(named or {"name": "unknown"}),
            "type_id": OTHER if kind else 0,
            "type": kind or "Unknown",
        },
        "src_endpoint": _endpoint(event),
    }


def _detection_finding(event: Event) -> Attributes:
    status = NEW if event["action"] == "alert.raised" else IN_PROGRESS
    return {
        **_finding(event, status),
        "actor": {"user": _person(event["actor"])},
        "finding_info": _finding_info(event),
    }


def _incident_finding(event: Event) -> Attributes:
    status = INCIDENT_STATUSES.get(event["details"].get("status"), IN_PROGRESS)
    if event["action"] == "incident.opened":
        status = NEW
    attributes = {
        **_finding(event, status),
        "finding_info_list": [_finding_info(event)],
    }
    if event["actor"]["kind"] == "user":
        return {**attributes, "assignee": _person(event["actor"])}
    return {**attributes, "assignee_group": ADMINISTRATORS}


def _act(event: Event) -> Attributes:
    """Return what every act has that succeeds or does not."""
    is_good = event["outcome"] == "success"
    request = {"uid": event["request_id"], "user_agent": event["user_agent"]}
    return {
        "severity_id": INFORMATIONAL if is_good else MEDIUM,
        "status_id": 1 if is_good else 2,
        "status": "Success" if is_good else "Failure",
        "http_request": _given(request),
        "unmapped": _unmapped(event, "owner", "details"),
    }


def _finding(event: Event, status: tuple[int, str]) -> Attributes:
    """Return what every finding has, whose classes know no address."""
    return {
        "severity_id": HIGH,
        "status_id": status[0],
        "status": status[1],
        "unmapped": _unmapped(event, "actor", "address", "owner", "details"),
    }


def _finding_info(event: Event) -> Attributes:
    target = event["target"]
    return {
        "uid": target["id"] or event["id"],
        "title": target["label"] or event["action"],
    }


def _account(event: Event) -> Mapping[str, str]:
    """Return whose account it is about: of a session its person, whose name it has."""
    target = event["target"]
    if target["kind"] in ("user", "agent"):
        return dict(target)
    if target["kind"] == "session":
        return {"kind": "user", "id": "", "label": target["label"]}
    return dict(event["actor"])


def _person(party: Mapping[str, str]) -> Attributes:
    type_id, name = PERSON_TYPES.get(party["kind"], (OTHER, party["kind"]))
    named = _given({"uid": party["id"], "name": party["label"]})
    return {**(named or {"name": "unknown"}), "type_id": type_id, "type": name}


def _endpoint(event: Event) -> Attributes:
    return _given({"ip": event["address"]})


def _unmapped(event: Event, *names: str) -> Attributes:
    return _given({name: event[name] for name in names})


def _given(values: Attributes) -> Attributes:
    """Return the values without those that say nothing."""
    return {
        name: value for name, value in values.items() if value not in (None, "", {}, [])
    }


AUTHENTICATION = Class(
    category=3,
    uid=3002,
    attributes=_authentication,
    activities={
        "user.signed_in": LOGON,
        "user.sign_in_failed": LOGON,
        "user.signed_out": LOGOFF,
        "session.revoked": LOGOFF,
        "agent.token_issued": LOGON,
        "agent.token_refused": LOGON,
    },
)
ACCOUNT_CHANGE = Class(
    category=3,
    uid=3001,
    attributes=_account_change,
    activities={
        "user.created": CREATE,
        "user.password_reset_started": (4, "Password Reset"),
        "user.erased": (6, "Delete"),
        "second_factor.added": (10, "MFA Factor Enable"),
        "second_factor.removed": MFA_DISABLE,
        "second_factor.reset": MFA_DISABLE,
    },
)
ENTITY_MANAGEMENT = Class(
    category=3,
    uid=3004,
    attributes=_entity_management,
    profiles=HOST,
    activities={
        "agent.created": CREATE,
        "agent.updated": UPDATE,
        "team.created": CREATE,
        "team.updated": UPDATE,
        "credential.created": CREATE,
        "credential.revoked": (9, "Disable"),
        "policy.version_created": UPDATE,  # Of the agent that it is for.
        "function.registered": CREATE,
        "function.updated": UPDATE,
    },
)
DETECTION_FINDING = Class(
    category=2,
    uid=2004,
    attributes=_detection_finding,
    profiles=HOST,
    activities={"alert.raised": CREATE, "alert.acknowledged": FINDING_UPDATE},
)
INCIDENT_FINDING = Class(
    category=2,
    uid=2005,
    attributes=_incident_finding,
    activities={
        "incident.opened": CREATE,
        "incident.step_done": FINDING_UPDATE,
        "incident.updated": FINDING_UPDATE,
    },
)
API_ACTIVITY = Class(category=6, uid=6003, attributes=_api_activity)

# By an action, or by what all of a family are about.
CLASSES: Mapping[str, Class] = {
    "user.signed_in": AUTHENTICATION,
    "user.signed_out": AUTHENTICATION,
    "user.sign_in_failed": AUTHENTICATION,
    "user.locked_out": AUTHENTICATION,
    "session": AUTHENTICATION,
    "agent.token_issued": AUTHENTICATION,
    "agent.token_refused": AUTHENTICATION,
    "user": ACCOUNT_CHANGE,
    "second_factor": ACCOUNT_CHANGE,
    "team": ENTITY_MANAGEMENT,
    "agent": ENTITY_MANAGEMENT,
    "credential": ENTITY_MANAGEMENT,
    "policy": ENTITY_MANAGEMENT,
    "function": ENTITY_MANAGEMENT,
    "alert": DETECTION_FINDING,
    "incident": INCIDENT_FINDING,
}
INCIDENT_STATUSES = {"resolved": (4, "Resolved"), "closed": (5, "Closed")}
