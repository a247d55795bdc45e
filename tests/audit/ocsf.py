"""What OCSF asks of an event: its facts, and a validator that goes by them.

    python -m tests.audit.ocsf 1.3.0.json > tests/audit/ocsf_1_3_0.json

prints the facts from a compiled schema `{version, classes, objects}`, where you
have one. The tests need none: what they go by is in the facts.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = "Open Cybersecurity Schema Framework, schema.ocsf.io (Apache-2.0)"
CATEGORIES = {"findings": 2, "iam": 3, "application": 6}
CLASSES = (
    "account_change",
    "api_activity",
    "authentication",
    "detection_finding",
    "entity_management",
    "incident_finding",
)
OBJECTS = (
    "actor",
    "api",
    "finding_info",
    "group",
    "http_request",
    "managed_entity",
    "metadata",
    "network_endpoint",
    "product",
    "request",
    "resource_details",
    "service",
    "session",
    "user",
)
NUMBERS = ("integer_t", "long_t", "timestamp_t", "port_t")
PROFILE = "host"  # By which changes of entities and findings have an actor.
# The base class lists only its own of these; the validator knows better.
OF_THE_CLASS = ("category_uid", "class_uid")


@cache
def shapes() -> Any:
    """Return the facts that are kept."""
    return json.loads(Path(__file__).with_name("ocsf_1_3_0.json").read_text())


def printed(schema: Mapping[str, Any]) -> str:
    """Return the facts of the classes that we export and of the objects in them."""
    facts = {
        "source": SOURCE,
        "version": schema["version"],
        "classes": {name: _facts(schema["classes"][name]) for name in CLASSES},
        "objects": {name: _facts(schema["objects"][name]) for name in OBJECTS},
    }
    return json.dumps(facts, indent=1, sort_keys=True)


def _facts(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return a class or an object, without what other profiles than ours add."""
    attributes = {
        name: _spelled(name, one)
        for name, one in shape["attributes"].items()
        if one.get("profile") in (None, PROFILE)
    }
    kept = {name: shape[name] for name in ("class_uid", "category") if name in shape}
    return {**kept, "constraints": shape["constraints"], "attributes": attributes}


def _spelled(name: str, one: Mapping[str, Any]) -> str:
    """Return an attribute in words: "user required", "integer_t 0,1,99"."""
    is_closed = one["type"] == "integer_t" and name not in OF_THE_CLASS
    values = sorted(map(int, one.get("enum", ()))) if is_closed else []
    words = [
        one["type"],
        "required" if one["requirement"] == "required" else "",
        "list" if one.get("is_array") else "",
        one.get("profile") or "",
        ",".join(map(str, values)),
    ]
    return " ".join(filter(None, words))


@dataclass(frozen=True)
class Attribute:
    """What the facts say of an attribute."""

    kind: str
    is_required: bool
    is_list: bool
    values: frozenset[int]


@cache
def _attributes(group: str, name: str, *profiles: str) -> Mapping[str, Attribute]:
    """Return the attributes of a class or an object with these profiles."""
    found = {}
    for attribute, text in shapes()[group][name]["attributes"].items():
        kind, *words = text.split()
        if PROFILE in words and PROFILE not in profiles:
            continue
        numbers = words[-1].split(",") if words and words[-1][-1].isdigit() else []
        values = frozenset(map(int, numbers))
        found[attribute] = Attribute(kind, "required" in words, "list" in words, values)
    return found


def faults(event: Mapping[str, Any]) -> list[str]:
    """Return all that keeps an event from being one of its class."""
    facts = shapes()
    names = {one["class_uid"]: name for name, one in facts["classes"].items()}
    name = names.get(event.get("class_uid"))
    if name is None:
        return [f"class_uid {event.get('class_uid')}"]
    profiles = event.get("metadata", {}).get("profiles", ())
    shape = facts["classes"][name]
    attributes = _attributes("classes", name, *profiles)
    found = list(_faults_of(event, attributes, shape["constraints"], ""))
    if event.get("category_uid") != CATEGORIES[shape["category"]]:
        found.append("category_uid")
    if event.get("type_uid") != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid")
    if event.get("metadata", {}).get("version") != facts["version"]:
        found.append("metadata.version")
    return found


def _faults_of(
    value: Mapping[str, Any],
    attributes: Mapping[str, Attribute],
    constraints: Mapping[str, Sequence[str]],
    path: str,
) -> Iterator[str]:
    required = {name for name, one in attributes.items() if one.is_required}
    yield from (f"{path}{name} is missing" for name in sorted(required - set(value)))
    unknown = sorted(set(value) - set(attributes))
    yield from (f"{path}{name} is unknown" for name in unknown)
    for rule, names in constraints.items():
        count = sum(name in value for name in names)
        if not count or (rule == "just_one" and count > 1):
            yield f"{path or 'event'} has not {rule} of {', '.join(names)}"
    for name in sorted(set(value) & set(attributes)):
        attribute, here = attributes[name], f"{path}{name}"
        if isinstance(value[name], list) != attribute.is_list:
            yield f"{here} is {'no' if attribute.is_list else 'a'} list"
            continue
        for one in value[name] if attribute.is_list else [value[name]]:
            yield from _faults_at(one, attribute, here)


def _faults_at(value: Any, attribute: Attribute, path: str) -> Iterator[str]:
    kind, objects = attribute.kind, shapes()["objects"]
    if value in (None, "", {}):
        yield f"{path} is empty"
    elif kind in objects:
        constraints = objects[kind]["constraints"]
        attributes = _attributes("objects", kind)
        yield from _faults_of(value, attributes, constraints, f"{path}.")
    elif kind != "object" and not kind.endswith("_t"):
        yield f"{path} is a {kind}, of which the facts say nothing"
    elif not _is_of(value, kind):
        yield f"{path} is no {kind}"
    elif attribute.values and value not in attribute.values:
        yield f"{path} is {value}"


def _is_of(value: Any, kind: str) -> bool:
    if kind == "ip_t":
        return bool(ipaddress.ip_address(value))
    return type(value) is (
        int if kind in NUMBERS else dict if kind == "object" else str
    )


def main(arguments: list[str]) -> None:
    """Print the facts of a compiled schema."""
    [path] = arguments
    print(printed(json.loads(Path(path).read_text())))  # noqa: T201 - a command.


if __name__ == "__main__":
    main(sys.argv[1:])
