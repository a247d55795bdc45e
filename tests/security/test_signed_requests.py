from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from audit.models import AuditEvent
from security.errors import RateLimited, SignatureRefused
from security.signing import requests as signed_requests
from security.signing.core.keys import HmacKey
from security.signing.core.signatures import RequestParts, sign
from security.signing.models import RequestNonce

KEY, SHARED = "crd_1", HmacKey("s3cret-s3cret-s3cret")
PATH, QUERY, BODY = "/api/v1/transactions/", "a=1&b=%2F", b'{"amount":"1.00"}'


def headers_of(*, method="POST", path=PATH, query=QUERY, body=BODY, **options):
    given = {
        "key": SHARED,
        "key_id": KEY,
        "created": int(timezone.now().timestamp()),
        "nonce": "n" * 22,
    }
    headers = sign(RequestParts(method, path, query, body), **{**given, **options})
    return {f"HTTP_{name.upper().replace('-', '_')}": headers[name] for name in headers}


def request_with(headers, *, method="POST", path=PATH, query=QUERY, body=BODY):
    return RequestFactory().generic(
        method, f"{path}?{query}", body, content_type="application/json", **headers
    )


def verify(request):
    return signed_requests.verify(
        request, key_id_expected=KEY, key=SHARED, now=timezone.now()
    )


def refusal(request):
    with pytest.raises(SignatureRefused) as caught:
        verify(request)
    assert caught.value.code == "signature_refused"
    return caught.value.reason


def audited():
    events = AuditEvent.objects.filter(action="signature.refused")
    return [(event.target_id, event.details["code"]) for event in events]


@pytest.mark.django_db
def test_a_signed_request_is_accepted_and_spends_its_nonce():
    signature = verify(request_with(headers_of()))

    assert signature.key_id == KEY
    [nonce] = RequestNonce.objects.all()
    assert (nonce.key_id, nonce.nonce) == (KEY, "n" * 22)
    assert nonce.expires_at > timezone.now() + timedelta(seconds=300)
    assert audited() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"body": BODY.replace(b"1", b"2")}, "digest_mismatch"),
        ({"path": "/api/v1/transactions/x/"}, "signature_mismatch"),
        ({"query": "a=1&b=/"}, "signature_mismatch"),
        ({"method": "PUT"}, "signature_mismatch"),
    ],
)
def test_f1_a_changed_request_is_refused_and_spends_no_nonce(changed, reason):
    assert refusal(request_with(headers_of(), **changed)) == reason

    assert RequestNonce.objects.count() == 0
    assert audited() == [(KEY, reason)]


@pytest.mark.django_db
def test_f2_a_replay_is_refused():
    headers = headers_of()
    verify(request_with(headers))

    assert refusal(request_with(headers)) == "nonce_reused"
    assert RequestNonce.objects.count() == 1


@pytest.mark.django_db
def test_f7_a_replay_is_refused_after_valkey_was_emptied():
    headers = headers_of()
    verify(request_with(headers))
    cache.clear()

    assert refusal(request_with(headers)) == "nonce_reused"
    assert RequestNonce.objects.count() == 1


@pytest.mark.django_db
def test_f2_the_same_nonce_of_another_key_is_new():
    verify(request_with(headers_of()))
    signed_requests.verify(
        request_with(headers_of(key_id="crd_2")),
        key_id_expected="crd_2",
        key=SHARED,
        now=timezone.now(),
    )

    assert RequestNonce.objects.count() == 2


def test_f2_twenty_replays_at_once_let_one_through(committed_db, slow_refill):
    headers, barrier, answers = headers_of(), threading.Barrier(20), []

    def send():
        barrier.wait()
        try:
            verify(request_with(headers))
            answers.append("accepted")
        except SignatureRefused as refused:
            answers.append(refused.reason)
        except RateLimited:
            answers.append("limited")
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count("accepted") == 1
    assert answers.count("nonce_reused") == 5
    assert answers.count("limited") == 14
    assert len(audited()) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("sign", [-1, 1])
def test_f3_a_signature_out_of_its_time_is_refused(sign):
    now = timezone.now().replace(microsecond=0)
    with time_machine.travel(now, tick=False):
        verify(request_with(headers_of(created=int(now.timestamp()) + sign * 300)))
        late = request_with(headers_of(created=int(now.timestamp()) + sign * 301))
        assert refusal(late) == "outside_time_window"


@pytest.mark.django_db
def test_f5_two_signature_headers_are_refused():
    headers = headers_of()
    # WSGI joins headers of one name with a comma.
    headers["HTTP_SIGNATURE"] = ",".join([headers["HTTP_SIGNATURE"]] * 2)

    assert refusal(request_with(headers)) == "signature_malformed"


@pytest.mark.django_db
def test_f6_a_body_without_its_digest_is_refused():
    headers = headers_of()
    del headers["HTTP_CONTENT_DIGEST"]

    assert refusal(request_with(headers)) == "digest_missing"


@pytest.mark.django_db
def test_f8_a_signature_that_is_not_ascii_is_refused():
    headers = {**headers_of(), "HTTP_SIGNATURE": "sig1=:\u00e9:"}

    assert refusal(request_with(headers)) == "signature_malformed"


@pytest.mark.django_db
def test_an_unsigned_request_is_refused_and_known_as_such():
    request = request_with({})

    assert not signed_requests.is_signed(request)
    assert refusal(request) == "signature_missing"


@pytest.mark.django_db
def test_a_flood_of_wrong_signatures_does_not_flood_the_log(slow_refill):
    headers = headers_of(key=HmacKey("wrong"))
    for _ in range(5):
        refusal(request_with(headers))
    for _ in range(20):
        with pytest.raises(RateLimited):
            verify(request_with(headers))

    assert len(audited()) == 5
    assert AuditEvent.objects.filter(action="request.limited").count() == 1


@pytest.mark.django_db
def test_only_nonces_out_of_their_time_are_purged():
    verify(request_with(headers_of()))
    week = timedelta(days=7)
    old = RequestNonce.objects.get()
    RequestNonce.objects.create(
        key_id=KEY, nonce="young", expires_at=old.expires_at + week
    )
    now = timezone.now()

    assert signed_requests.purge_nonces(now=now + week + timedelta(seconds=299)) == 0
    assert signed_requests.purge_nonces(now=now + week + timedelta(seconds=301)) == 1
    assert RequestNonce.objects.get().nonce == "young"
