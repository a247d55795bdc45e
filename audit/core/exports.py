"""The formats in which others take the log: one line for each event.

Versions are pinned: a reader knows what it gets, and a new one is a new format here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

VENDOR, PRODUCT, PRODUCT_VERSION = "AI Agent Platform", "audit log", "1"
OCSF_VERSION = "1.3.0"
ECS_VERSION = "8.17.0"

Event = Mapping[str, Any]

CSV_COLUMNS = (
    "index",
    "id",
    "occurred_at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_label",
    "owner",
    "target_kind",
    "target_id",
    "target_label",
    "address",
    "user_agent",
    "request_id",
    "details",
)
# What a spreadsheet takes for the beginning of a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# Classes of OCSF by what an action is about; API Activity is everything else.
_OCSF_API_ACTIVITY = (6, 6003)
_OCSF_CLASSES: Mapping[str, tuple[int, int]] = {
    "user.signed_in": (3, 3002),  # Authentication.
    "user.signed_out": (3, 3002),
    "user.sign_in_failed": (3, 3002),
    "user.locked_out": (3, 3002),
    "session": (3, 3002),
    "user": (3, 3001),  # Account Change.
    "second_factor": (3, 3001),
    "team": (3, 3004),  # Entity Management.
    "agent": (3, 3004),
    "credential": (3, 3004),
    "policy": (3, 3004),
    "function": (3, 3004),
    "alert": (2, 2004),  # Detection Finding.
    "incident": (2, 2005),  # Incident Finding.
}
_OCSF_ACTIVITIES = {"user.signed_in": 1, "user.signed_out": 2, "user.sign_in_failed": 1}
_OCSF_OTHER = 99
_ECS_CATEGORIES = {
    2: ["intrusion_detection"],
    3: ["iam"],
    6: ["api"],
}


def jsonl(event: Event) -> str:
    """Return the event as the API shows it, with its place in the log."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def csv_header() -> str:
    """Return the line that names the columns."""
    return _csv_line(CSV_COLUMNS)


def csv_row(event: Event) -> str:
    """Return the event as a line that no spreadsheet takes for a formula."""
    flat = {**event, "details": json.dumps(event["details"], ensure_ascii=False)}
    for party in ("actor", "target"):
        flat |= {f"{party}_{name}": value for name, value in event[party].items()}
    return _csv_line([_plain(flat[name]) for name in CSV_COLUMNS])


def cef(event: Event) -> str:
    """Return the event in ArcSight's Common Event Format, version 0."""
    header = [VENDOR, PRODUCT, PRODUCT_VERSION, event["action"], event["action"]]
    values = {
        "rt": _milliseconds(event),
        "externalId": event["id"],
        "outcome": event["outcome"],
        "suser": event["actor"]["label"],
        "suid": event["actor"]["id"],
        "src": event["address"],
        "requestClientApplication": event["user_agent"],
        "duid": event["target"]["id"],
        "duser": event["target"]["label"],
        "cs1Label": "details",
        "cs1": json.dumps(event["details"], ensure_ascii=False),
        "cs2Label": "request_id",
        "cs2": event["request_id"],
    }
    extension = " ".join(
        f"{key}={_cef_value(str(value))}"
        for key, value in values.items()
        if value not in (None, "")
    )
    severity = 3 if event["outcome"] == "success" else 6
    told = "|".join(_cef_header(each) for each in header)
    return f"CEF:0|{told}|{severity}|{extension}"


def ecs(event: Event) -> str:
    """Return the event in the Elastic Common Schema."""
    category, _ = _ocsf_class(event["action"])
    return jsonl(
        {
            "@timestamp": event["occurred_at"],
            "ecs": {"version": ECS_VERSION},
            "event": {
                "id": event["id"],
                "kind": "event",
                "action": event["action"],
                "category": _ECS_CATEGORIES[category],
                "outcome": "success" if event["outcome"] == "success" else "failure",
                "sequence": event["index"],
                "dataset": "ai_agent_platform.audit",
            },
            "user": {"id": event["actor"]["id"], "name": event["actor"]["label"]},
            "source": {"ip": event["address"]} if event["address"] else {},
            "user_agent": {"original": event["user_agent"]},
            "http": {"request": {"id": event["request_id"]}},
            "ai_agent_platform": {
                name: event[name] for name in ("outcome", "actor", "target", "details")
            },
        }
    )


def ocsf(event: Event) -> str:
    """Return the event in the Open Cybersecurity Schema Framework."""
    action = event["action"]
    category, class_uid = _ocsf_class(action)
    activity = _OCSF_ACTIVITIES.get(action, _OCSF_OTHER)
    is_good = event["outcome"] == "success"
    user = {"uid": event["actor"]["id"], "name": event["actor"]["label"]}
    return jsonl(
        {
            "metadata": {
                "version": OCSF_VERSION,
                "uid": event["id"],
                "sequence": event["index"],
                "product": {"name": PRODUCT, "vendor_name": VENDOR},
            },
            "time": _milliseconds(event),
            "category_uid": category,
            "class_uid": class_uid,
            "activity_id": activity,
            "activity_name": action,
            "type_uid": class_uid * 100 + activity,
            "severity_id": 1 if is_good else 3,
            "status_id": 1 if is_good else 2,
            "status": event["outcome"],
            "actor": {"user": {**user, "type": event["actor"]["kind"]}},
            "user": user,
            "src_endpoint": {"ip": event["address"]} if event["address"] else {},
            "http_request": {
                "uid": event["request_id"],
                "user_agent": event["user_agent"],
            },
            "api": {"operation": action, "request": {"uid": event["request_id"]}},
            "unmapped": {name: event[name] for name in ("target", "owner", "details")},
        }
    )


FORMATS: Mapping[str, Callable[[Event], str]] = {
    "jsonl": jsonl,
    "csv": csv_row,
    "ocsf": ocsf,
    "ecs": ecs,
    "cef": cef,
}


def _csv_line(cells: Any) -> str:
    line = io.StringIO()
    # The writer only quotes line ends that it knows of.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n")


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cef_header(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"))


def _cef_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def _milliseconds(event: Event) -> int:
    return int(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)


def _ocsf_class(action: str) -> tuple[int, int]:
    return _OCSF_CLASSES.get(action) or _OCSF_CLASSES.get(
        action.partition(".")[0], _OCSF_API_ACTIVITY
    )
