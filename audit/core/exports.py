"""The formats in which others take the log: one line for each event.

Versions are pinned: a reader knows what it gets, and a new one is a new format here.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from audit.core.ocsf import (
    PRODUCT,
    PRODUCT_VERSION,
    VENDOR,
    milliseconds,
    ocsf_class,
    ocsf_object,
)

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
# Without it Excel takes UTF-8 for the code page of its country.
_BYTE_ORDER_MARK = "\ufeff"
# What a spreadsheet takes for the beginning of a formula, full-width forms included,
# where a cell begins: by commas, or where its country separates cells by other signs.
_FORMULA = re.compile(r'(^|[;|\t\r\n])(?="*[=+\-@\t\r\n＝＋－＠])')

_ECS_CATEGORIES = {
    2: ["intrusion_detection"],
    3: ["iam"],
    6: ["api"],
}


def jsonl(event: Event) -> str:
    """Return the event as the API shows it, with its place in the log."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def csv_header() -> str:
    """Return the line that names the columns, with which a file begins."""
    return _BYTE_ORDER_MARK + _csv_line(CSV_COLUMNS)


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
        "rt": milliseconds(event),
        "externalId": event["id"],
        "outcome": event["outcome"],
        "suser": event["actor"]["label"],
        "suid": event["actor"]["id"],
        **_cef_source(event["address"]),
        "requestClientApplication": event["user_agent"],
        "duid": event["target"]["id"],
        "duser": event["target"]["label"],
        "cs1Label": "details",
        "cs1": json.dumps(event["details"], ensure_ascii=False),
    }
    if event["request_id"]:
        values |= {"cs2Label": "request_id", "cs2": event["request_id"]}
    extension = " ".join(
        f"{key}={_cef_value(str(value))}"
        for key, value in values.items()
        if value not in (None, "")
    )
    severity = 3 if event["outcome"] == "success" else 6
    text = "|".join(_cef_header(each) for each in header)
    return f"CEF:0|{text}|{severity}|{extension}"


def ecs(event: Event) -> str:
    """Return the event in the Elastic Common Schema."""
    return jsonl(
        {
            "@timestamp": event["occurred_at"],
            "ecs": {"version": ECS_VERSION},
            "event": {
                "id": event["id"],
                "kind": "event",
                "action": event["action"],
                "category": _ECS_CATEGORIES[ocsf_class(event["action"]).category],
                "outcome": "success" if event["outcome"] == "success" else "failure",
                "sequence": event["index"],
                "dataset": "ai_agent_platform.audit",
            },
            "user": {"id": event["actor"]["id"], "name": event["actor"]["label"]},
            **({"source": {"ip": event["address"]}} if event["address"] else {}),
            "user_agent": {"original": event["user_agent"]},
            "http": {"request": {"id": event["request_id"]}},
            "ai_agent_platform": {
                name: event[name] for name in ("outcome", "actor", "target", "details")
            },
        }
    )


def ocsf(event: Event) -> str:
    """Return the event in the Open Cybersecurity Schema Framework."""
    return jsonl(ocsf_object(event))


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
    return _FORMULA.sub(r"\1'", text)


def _cef_source(address: str | None) -> dict[str, str]:
    if address is None:
        return {}
    if ":" in address:  # `src` is of version 4 only.
        return {"c6a2Label": "Source IPv6 Address", "c6a2": address}
    return {"src": address}


def _cef_header(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"))


def _cef_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
