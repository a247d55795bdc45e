"""The log over the API: for auditors, by strict filters, and itself on the record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from audit.base.context import System, acting_as
from audit.models import AuditEvent
from audit.services.recording import record
from tests.factories import make_agent, make_agent_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

URL = "/api/v1/audit/events/"


def write(
    note: str, *, target: str = "alr_1", address: str | None = None
) -> AuditEvent:
    with acting_as(System("tests"), address=address), transaction.atomic():
        return record(
            "alert.acknowledged", target=("alert", target, ""), details={"note": note}
        )


@pytest.fixture
def auditor(client_for, dave):
    """Anyone with the permission, whatever their role."""
    dave.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    return client_for(type(dave).objects.get(pk=dave.pk))


def test_an_event_tells_who_did_what_to_what(auditor):
    event = write("Seen.", address="203.0.113.9")

    answer = auditor.get(f"{URL}{event.pk}/")

    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("occurred_at").endswith("Z")
    assert body == {
        "xact_id": event.xact_id,
        "id": event.pk,
        "object": "audit_event",
        "action": "alert.acknowledged",
        "outcome": "success",
        "actor": {"kind": "system", "id": "system", "label": "tests"},
        "target": {"kind": "alert", "id": "alr_1", "label": ""},
        "owner": "",
        "address": "203.0.113.9",
        "user_agent": "",
        "request_id": "",
        "details": {"note": "Seen."},
    }


def test_l10_reading_the_log_is_itself_an_event(auditor, dave):
    event = write("x")
    auditor.get(URL, {"action": "alert.acknowledged"})
    auditor.get(f"{URL}{event.pk}/")

    seen = AuditEvent.objects.filter(action="audit.viewed").order_by("id")
    assert [(e.actor_id, e.target_id, e.details["filters"]) for e in seen] == [
        (dave.pk, "", {"action": "alert.acknowledged"}),
        (dave.pk, event.pk, {"id": event.pk}),
    ]


def test_c1_only_who_has_the_permission_may_read(
    api, client_for, alice, bob, carol, people
):
    event = write("x")
    agent = make_agent(carol, acting=alice)
    token = make_agent_token(agent, acting=alice)
    expected = [
        (api(), 401),
        (api(token=token), 403),
        (client_for(carol), 403),
        (client_for(bob), 403),
        (client_for(alice), 200),
    ]

    for client, status in expected:
        assert client.get(URL).status_code == status
        assert client.get(f"{URL}{event.pk}/").status_code == status
        for method in ("post", "put", "patch", "delete"):
            refused = getattr(client, method)(f"{URL}{event.pk}/", {})
            assert refused.status_code == (405 if status == 200 else status)

    assert AuditEvent.objects.get(pk=event.pk).details == {"note": "x"}


def test_pages_follow_the_cursor_without_gap_or_repeat(auditor):
    for number in range(7):
        write(str(number))

    notes, url = [], f"{URL}?action=alert.acknowledged&limit=3"
    sizes = []
    while url:
        body = auditor.get(url).json()
        write("later")  # New rows shift nothing.
        sizes.append(len(body["data"]))
        notes += [item["details"]["note"] for item in body["data"]]
        url = body["next"]

    assert notes == ["6", "5", "4", "3", "2", "1", "0"]
    assert sizes == [3, 3, 1]


def test_filters(auditor):
    one = write("one", target="alr_1", address="203.0.113.9")
    two = write("two", target="alr_2")
    tick = timedelta(microseconds=1)

    def found(**query):
        query["action"] = "alert.acknowledged"
        return [item["id"] for item in auditor.get(URL, query).json()["data"]]

    assert found() == [two.pk, one.pk]
    assert found(target="alr_1") == [one.pk]
    assert found(address="203.0.113.9") == [one.pk]
    assert found(actor="system") == [two.pk, one.pk]
    assert found(actor="nobody") == []
    assert found(outcome="refused") == []
    assert found(occurred_after=two.occurred_at.isoformat()) == [two.pk]
    assert found(occurred_before=two.occurred_at.isoformat()) == [one.pk]
    assert found(occurred_after=(two.occurred_at + tick).isoformat()) == []


@pytest.mark.parametrize(
    "query",
    [
        "actoin=x",
        "action=no.such",
        "outcome=maybe",
        "occurred_after=yesterday",
        "address=nowhere",
        "limit=0",
        "limit=201",
        "limit=1e20",
        "limit=%C2%B2",
        "ordering=details",
        "ordering=-occurred_at",
        "cursor=garbage",
        "cursor=cD0x",
        "cursor=cD0yMDI2LTAxLTAx",
        "details__x=1",
    ],
)
def test_e13_what_a_list_does_not_understand_is_a_400_that_names_it(auditor, query):
    answer = auditor.get(f"{URL}?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/" + query.partition("=")[0]}


def test_an_unknown_event_is_404(auditor):
    assert auditor.get(f"{URL}evt_none/").status_code == 404


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        ("abc-DEF_1.2", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("a\u00e9", False),
        ("<script>", False),
        ("", False),
    ],
)
def test_e8_a_request_id_is_echoed_if_it_is_plain(api, sent, is_kept):
    answer = api().get(URL, headers={"X-Request-ID": sent})

    echoed = answer.headers["X-Request-ID"]
    assert (echoed == sent) is is_kept
    assert answer.json()["request_id"] == echoed
    assert AuditEvent.objects.get(action="request.refused").request_id == echoed


def test_a_list_costs_the_same_however_many_events_there_are(
    auditor, django_assert_num_queries
):
    write("x")
    with django_assert_num_queries(6) as few:
        auditor.get(URL)
    for _ in range(20):
        write("x")
    with django_assert_num_queries(len(few.captured_queries)):
        auditor.get(URL)
