"""Proofs over the API, checked by what is not ours: an event, its place, its log."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pymerkle import InmemoryTree, InvalidProof, verify_inclusion
from rfc8785 import dumps
from sigstore._internal.rekor.checkpoint import SignedCheckpoint

from audit.core.checkpoint import AT_THE_LATEST
from audit.core.merkle import is_consistent, leaf_hash
from audit.keys import open_checkpoint
from audit.models import AuditEvent, AuditLeaf
from tests.audit.logs import advance, seal, write_event, write_events, write_many

pytestmark = pytest.mark.usefixtures("committed_db", "spacious_limits")

CHECKPOINT = "/api/v1/audit/checkpoint/"
INCLUSION = "/api/v1/audit/proofs/inclusion/"
CONSISTENCY = "/api/v1/audit/proofs/consistency/"


@pytest.fixture
def auditor(client_for, alice):
    return client_for(alice)


@pytest.fixture
def sealed(auditor) -> list[AuditEvent]:
    """Three events among some hundred others, all sealed and under a checkpoint."""
    write_many(300)
    events = write_events(3)
    write_many(57)
    advance()
    return events


def decoded(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


def test_l6_a_foreign_verifier_finds_the_event_that_the_api_shows_in_the_log(
    auditor, sealed
):
    """Nothing here is of the platform: JSON, tree and note are read by others' code."""
    event = sealed[1]

    shown = auditor.get(f"/api/v1/audit/events/{event.pk}/").json()
    proof = auditor.get(INCLUSION, {"event": event.pk}).json()

    note = SignedCheckpoint.from_text(proof["checkpoint"])
    root = bytes.fromhex(note.checkpoint.log_hash)
    assert note.checkpoint.log_size == proof["size"]
    leaf = leaf_hash(dumps(shown))
    assert base64.b64decode(proof["leaf_hash"]) == leaf
    foreign = InmemoryTree(algorithm="sha256")
    for number in range(proof["size"]):
        foreign.append_entry(b"%d" % number)
    layout = foreign.prove_inclusion(proof["index"] + 1, proof["size"])
    layout.path = [leaf, *decoded(proof["proof"])]
    verify_inclusion(leaf, root, layout)
    changed = leaf_hash(dumps(shown | {"outcome": "refused"}))
    layout.path[0] = changed
    with pytest.raises(InvalidProof):
        verify_inclusion(changed, root, layout)


def test_the_root_is_the_one_that_a_foreign_tree_has(auditor):
    write_many(40)
    advance()
    note = open_checkpoint(auditor.get(CHECKPOINT).content.decode())
    foreign = InmemoryTree(algorithm="sha256")
    for leaf in AuditLeaf.objects.all():
        event = AuditEvent.objects.get(pk=leaf.event_id)
        body = auditor.get(f"/api/v1/audit/events/{event.pk}/").json()
        foreign.append_entry(dumps(body))

    assert foreign.get_size() == note.size > 40
    assert foreign.get_root() == note.root


def test_l6_a_later_checkpoint_is_proved_to_go_on_from_an_earlier_one(auditor, sealed):
    first = open_checkpoint(auditor.get(CHECKPOINT).content.decode())
    write_many(200)
    with time_machine.travel(timezone.now() + AT_THE_LATEST + timedelta(minutes=2)):
        advance()
    second = open_checkpoint(auditor.get(CHECKPOINT).content.decode())

    response = auditor.get(CONSISTENCY, {"from": first.size, "to": second.size})

    body = response.json()
    assert second.size == first.size + 200
    assert (body["from"], body["to"]) == (first.size, second.size)
    proof = decoded(body["proof"])
    assert is_consistent(first.size, second.size, proof, first.root, second.root)


def test_the_checkpoint_is_plain_text_for_everybody_who_is_signed_in(
    client_for, carol, sealed, api
):
    response = client_for(carol).get(CHECKPOINT)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert api().get(CHECKPOINT).status_code == 401


@pytest.mark.parametrize(
    "accept", ["text/plain", "text/*", "*/*", "application/problem+json"]
)
def test_the_checkpoint_is_had_by_whoever_accepts_what_it_is(auditor, sealed, accept):
    note = auditor.get(CHECKPOINT, headers={"Accept": accept})

    assert note.status_code == 200
    assert open_checkpoint(note.content.decode()).size > 0


def test_who_accepts_no_text_gets_no_checkpoint(auditor, sealed):
    answer = auditor.get(CHECKPOINT, headers={"Accept": "application/json"})

    assert answer.status_code == 406
    assert answer.json()["code"] == "not_acceptable"


def test_what_no_checkpoint_covers_yet_is_told_so(auditor, sealed):
    event = write_event()
    assert problem(auditor, INCLUSION, event=event.pk) == (409, "not_sealed_yet")
    seal()
    assert problem(auditor, INCLUSION, event=event.pk) == (409, "not_sealed_yet")


def test_a_log_without_a_checkpoint_says_so(auditor):
    assert problem(auditor, CHECKPOINT) == (409, "not_sealed_yet")


def problem(client, url: str, **query) -> tuple[int, str]:
    response = client.get(url, query)
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({}, ["/from", "/to"]),
        ({"from": "0", "to": "5"}, ["/from"]),
        ({"from": "5", "to": "4"}, ["/to"]),
        ({"from": "1", "to": "100000"}, ["/to"]),
        ({"from": "1", "to": str(2**70)}, ["/to"]),
        ({"from": "x", "to": "2"}, ["/from"]),
        ({"from": "1", "to": "2", "size": "3"}, ["/size"]),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_by_name(
    auditor, sealed, query, pointers
):
    response = auditor.get(CONSISTENCY, query)

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == pointers


def test_an_event_that_one_may_not_see_is_not_there(auditor, client_for, carol, sealed):
    [event, *_] = sealed

    assert client_for(carol).get(INCLUSION, {"event": event.pk}).status_code == 403
    assert auditor.get(INCLUSION, {"event": "evt_nothing"}).status_code == 404
