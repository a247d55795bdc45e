from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.signing.core.keys import Ed25519Key, HmacKey
from security.signing.core.signatures import (
    RequestParts,
    RequestSignature,
    SignatureInvalid,
    check_signature,
    content_digest,
    parse_signature,
    sign,
    verify_signature,
)
from tests.security.keys import OwnKey

KEY, NONCE, NOW = "crd_1", "n" * 22, 1_750_000_000
SHARED = HmacKey("s3cret-s3cret-s3cret")
OWN = OwnKey(b"\x01" * 32)
# What signs, and what verifies it.
PAIRS = [(SHARED, SHARED), (OWN, Ed25519Key(OWN.public_key))]
both_keys = pytest.mark.parametrize(
    ("signing", "verifying"), PAIRS, ids=["hmac", "ed25519"]
)
PARTS = RequestParts(
    "POST", "/api/v1/transactions/", "a=1&b=2", b'{"amount":"1.00"}', "order-7"
)
WITHOUT_KEY = replace(PARTS, idempotency_key=None)
ALL_FIVE = '"@method" "@path" "@query" "content-digest" "idempotency-key"'


def signed(parts=PARTS, **changes):
    options = {"key": SHARED, "key_id": KEY, "created": NOW, "nonce": NONCE}
    headers = sign(parts, **{**options, **changes})
    return {name.lower(): value for name, value in headers.items()}


def check(headers, parts=PARTS, **changes):
    options = {"key_id": KEY, "key": SHARED, "now_s": NOW}
    check_signature(
        parts,
        parse_signature(headers),
        digest_header=headers.get("content-digest", ""),
        **{**options, **changes},
    )


def refusal(*arguments, **options):
    with pytest.raises(SignatureInvalid) as caught:
        check(*arguments, **options)
    return caught.value.reason


def test_the_seed_verifies_hex_hmac_sha256():
    good = hmac.new(b"key", b"payload", hashlib.sha256).hexdigest()

    assert verify_signature(b"payload", good, "key")
    assert not verify_signature(b"payloae", good, "key")
    assert not verify_signature(b"payload", good, "kez")
    assert not verify_signature(b"payload", "", "key")


@pytest.mark.parametrize("signature", ["ü" * 64, "\ud800", "\x00", "é"])
def test_f8_a_signature_that_is_not_ascii_is_false_and_no_error(signature):
    assert not verify_signature(b"payload", signature, "key")


@both_keys
def test_a_signed_request_is_accepted_once_parsed(signing, verifying):
    check(signed(key=signing), key=verifying)


def test_the_headers_have_the_names_of_their_rfcs():
    headers = sign(PARTS, key=SHARED, key_id=KEY, created=NOW, nonce=NONCE)

    assert list(headers) == ["Content-Digest", "Signature-Input", "Signature"]


def test_the_base_is_that_of_rfc_9421():
    headers = signed()
    params = headers["signature-input"].removeprefix("sig1=")
    base = (
        '"@method": POST\n"@path": /api/v1/transactions/\n"@query": ?a=1&b=2\n'
        f'"content-digest": {content_digest(PARTS.body)}\n'
        '"idempotency-key": order-7\n'
        f'"@signature-params": {params}'
    )
    mac = hmac.new(SHARED.secret.encode(), base.encode(), hashlib.sha256).digest()

    assert parse_signature(headers).signature == mac


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (replace(PARTS, body=b'{"amount":"1.01"}'), "digest_mismatch"),
        (replace(PARTS, path="/api/v1/transactionz/"), "signature_mismatch"),
        (replace(PARTS, query="a=1&b=3"), "signature_mismatch"),
        (replace(PARTS, query=""), "signature_mismatch"),
        (replace(PARTS, method="PUT"), "signature_mismatch"),
        (replace(PARTS, idempotency_key="order-8"), "signature_mismatch"),
        (WITHOUT_KEY, "components_incomplete"),
    ],
)
@both_keys
def test_f1_one_bit_changed_is_refused(signing, verifying, changed, reason):
    assert refusal(signed(key=signing), changed, key=verifying) == reason


@both_keys
@given(data=st.data())
def test_f1_one_bit_of_the_signature_changed_is_refused(signing, verifying, data):
    signature = parse_signature(signed(key=signing))
    changed = bytearray(signature.signature)
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SignatureInvalid, match="signature_mismatch"):
        check_signature(
            PARTS,
            replace(signature, signature=bytes(changed)),
            digest_header=content_digest(PARTS.body),
            key_id=KEY,
            key=verifying,
            now_s=NOW,
        )


@both_keys
@given(
    body=st.binary(max_size=200),
    query=st.text("abc=&%20", max_size=40),
    key=st.none() | st.text(max_size=40),
)
def test_f1_whatever_is_signed_verifies_and_nothing_else(
    signing, verifying, body, query, key
):
    parts = RequestParts("POST", "/api/v1/transactions/", query, body, key)
    headers = signed(parts, key=signing)

    check(headers, parts, key=verifying)
    longer = replace(parts, body=body + b"x")
    assert refusal(headers, longer, key=verifying) == "digest_mismatch"
    asked = replace(parts, query=query + "x")
    assert refusal(headers, asked, key=verifying) == "signature_mismatch"
    swapped = replace(parts, idempotency_key=(key or "") + "x")
    assert refusal(headers, swapped, key=verifying) == (
        "components_incomplete" if key is None else "signature_mismatch"
    )


@pytest.mark.parametrize("length", [1, 31, 32, 33, 63, 64, 65, 128])
@both_keys
def test_zeros_of_any_length_are_no_signature(signing, verifying, length):
    headers = signed(key=signing)
    headers["signature"] = f"sig1=:{b64encode(bytes(length)).decode()}:"

    assert refusal(headers, key=verifying) == "signature_mismatch"


def test_a_key_takes_no_other_algorithm_than_its_own():
    """Nobody signs with a public key as if it were the shared secret."""
    public = Ed25519Key(OWN.public_key)
    confused = HmacKey(OWN.public_key.decode("latin-1"))

    assert refusal(signed(key=confused), key=public) == "algorithm_unsupported"
    assert refusal(signed(key=OWN), key=SHARED) == "algorithm_unsupported"
    relabelled = signed(key=confused)
    relabelled["signature-input"] = relabelled["signature-input"].replace(
        "hmac-sha256", "ed25519"
    )
    assert refusal(relabelled, key=public) == "signature_mismatch"


@pytest.mark.parametrize("skew", [-300, 300])
def test_f3_three_hundred_seconds_either_way_are_accepted(skew):
    check(signed(), now_s=NOW + skew)


@pytest.mark.parametrize("skew", [-301, 301])
def test_f3_one_second_more_is_refused(skew):
    assert refusal(signed(), now_s=NOW + skew) == "outside_time_window"


def test_f4_the_signature_of_another_key_is_refused():
    assert refusal(signed(key_id="crd_2")) == "key_mismatch"
    assert refusal(signed(key=HmacKey("another"))) == "signature_mismatch"
    theirs = Ed25519Key(OwnKey(b"\x02" * 32).public_key)
    assert refusal(signed(key=OWN), key=theirs) == "signature_mismatch"


@pytest.mark.parametrize(
    "covered",
    [
        '"@method" "@path" "@query"',
        '"@path" "@query" "content-digest"',
        '"@method" "@method" "@path" "@query" "content-digest"',
        '"@method" "@path" "@query" "content-digest" "date"',
        '"@method" "@path" "@query" "@query"',
        '"@method" "@path" "@query" "content-digest"',
        '"@method" "@path" "@query" "idempotency-key"',
        f'{ALL_FIVE} "idempotency-key"',
        f'{ALL_FIVE} "date"',
    ],
)
def test_f5_covered_components_that_are_not_all_are_refused(covered):
    headers = signed()
    headers["signature-input"] = headers["signature-input"].replace(ALL_FIVE, covered)

    assert refusal(headers) == "components_incomplete"


def test_f14_a_key_that_was_put_in_taken_out_or_swapped_is_refused():
    check(signed(WITHOUT_KEY), WITHOUT_KEY)

    assert refusal(signed(WITHOUT_KEY), PARTS) == "components_incomplete"
    assert refusal(signed(), WITHOUT_KEY) == "components_incomplete"
    empty = replace(PARTS, idempotency_key="")
    assert refusal(signed(), empty) == "signature_mismatch"
    assert refusal(signed(empty), WITHOUT_KEY) == "components_incomplete"


def malformed(**changes):
    headers = signed()
    return {**headers, **changes}


TWO = signed()
PARAMS = TWO["signature-input"]


@pytest.mark.parametrize(
    "headers",
    [
        malformed(signature=f"{TWO['signature']}, {TWO['signature']}"),
        malformed(**{"signature-input": f"{PARAMS}, sig2{PARAMS[4:]}"}),
        malformed(signature=TWO["signature"].replace("sig1", "sig2")),
        malformed(signature="sig1=:not base64:"),
        malformed(signature="sig1=:abc:"),
        malformed(signature=f"{TWO['signature']}\n"),
        malformed(**{"signature-input": PARAMS.replace(";created=", ";expires=")}),
        malformed(**{"signature-input": f"{PARAMS};created={NOW}"}),
        malformed(**{"signature-input": f'{PARAMS};tag="x"'}),
        malformed(**{"signature-input": PARAMS.replace(str(NOW), f'"{NOW}"')}),
        malformed(**{"signature-input": PARAMS.replace(str(NOW), "9" * 400)}),
        malformed(**{"signature-input": PARAMS.replace(str(NOW), "-1")}),
        malformed(**{"signature-input": PARAMS.replace(NONCE, "short")}),
        malformed(**{"signature-input": PARAMS.replace(NONCE, "n" * 129)}),
        malformed(**{"signature-input": PARAMS.replace('"crd_1"', "1")}),
        malformed(**{"signature-input": PARAMS + " " * 4000}),
    ],
)
def test_f5_two_signatures_and_every_other_shape_are_refused(headers):
    assert refusal(headers) == "signature_malformed"


def test_nonce_key_id_and_headers_may_be_as_long_as_the_profile_says():
    for nonce in ("n" * 16, "n" * 128):
        check(signed(nonce=nonce))
    for key_id in ("k", "k" * 64):
        check(signed(key_id=key_id), key_id=key_id)
    check(signed(created=10**11), now_s=10**11)
    described = {"signature-input": PARAMS.replace("sig1", "sig12")}
    longest = {**TWO, **described, "signature": f"sig12=:{'A' * 2040}:"}
    assert len(longest["signature"]) == 2048
    assert parse_signature(longest).signature == bytes(1530)


@pytest.mark.parametrize(
    "headers",
    [
        signed(nonce="n" * 15),
        signed(nonce="n" * 129),
        signed(key_id=""),
        signed(key_id="k" * 65),
        signed(created=10**12),
        malformed(
            **{"signature-input": PARAMS.replace("sig1", "sig123")},
            signature=f"sig123=:{'A' * 2040}:",
        ),
        malformed(**{"signature-input": PARAMS.replace("hmac-sha256", "")}),
        malformed(**{"signature-input": PARAMS.replace("hmac-sha256", "a" * 33)}),
        malformed(**{"signature-input": PARAMS.replace('"hmac-sha256"', "256")}),
        malformed(**{"signature-input": PARAMS.replace(f'"{NONCE}"', "9" * 22)}),
    ],
)
def test_one_character_more_or_less_is_refused(headers):
    assert refusal(headers) == "signature_malformed"


def test_an_algorithm_may_have_any_name_of_up_to_32_characters():
    longest = PARAMS.replace("hmac-sha256", "a" * 32)

    assert parse_signature({**TWO, "signature-input": longest}).algorithm == "a" * 32
    shortest = PARAMS.replace("hmac-sha256", "a")
    assert parse_signature({**TWO, "signature-input": shortest}).algorithm == "a"


def test_a_signature_is_parsed_into_what_was_sent():
    parsed = parse_signature(TWO)

    assert parsed == RequestSignature(
        components=tuple(ALL_FIVE.replace('"', "").split()),
        params=PARAMS.removeprefix("sig1="),
        created=NOW,
        key_id=KEY,
        nonce=NONCE,
        algorithm="hmac-sha256",
        signature=parsed.signature,
    )


@pytest.mark.parametrize("name", ["signature-input", "signature"])
def test_a_request_without_a_signature_is_refused(name):
    assert refusal({}) == "signature_missing"
    assert refusal({**TWO, name: ""}) == "signature_missing"
    others = {key: value for key, value in TWO.items() if key != name}
    assert refusal(others) == "signature_missing"


@pytest.mark.parametrize(
    "odd",
    [
        replace(PARTS, method="\ud800"),
        replace(PARTS, path="\ud800"),
        replace(PARTS, query="\ud800"),
    ],
)
def test_text_that_is_no_unicode_is_signed_like_any_other(odd):
    """A client that sends it gets a verdict, not an error."""
    check(signed(odd), odd)
    assert refusal(signed(), odd) == "signature_mismatch"
    assert refusal({**TWO, "content-digest": "\ud800"}) == "digest_mismatch"


def test_a_refusal_says_its_reason():
    assert str(SignatureInvalid("key_mismatch")) == "key_mismatch"


def test_another_algorithm_is_refused():
    headers = signed()
    headers["signature-input"] = PARAMS.replace("hmac-sha256", "hmac-sha512")

    assert refusal(headers) == "algorithm_unsupported"


@pytest.mark.parametrize("digest", ["sha-256=:AAAA:", "sha-512=:AAAA:", "é"])
def test_f6_a_wrong_digest_is_refused(digest):
    assert refusal({**signed(), "content-digest": digest}) == "digest_mismatch"


def test_f6_an_absent_digest_is_refused_as_such():
    assert refusal({**signed(), "content-digest": ""}) == "digest_missing"


@given(st.text(max_size=80), st.text(max_size=80))
def test_parsing_any_text_refuses_and_never_fails(one, other):
    with pytest.raises(SignatureInvalid):
        parse_signature({"signature-input": one, "signature": other})
