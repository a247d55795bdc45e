"""Checking a receipt without us: the verifier, on its own and on anything."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from audit.keys import signing_key as log_key
from audit.services.sealing import make_checkpoint_if_due
from platform_site.run.supervisor import BASE_DIR
from tests.audit.logs import seal
from tests.spending import spend
from transactions import verifier
from transactions.evidence.core.receipt import ReceiptKey
from transactions.evidence.keys import public_keys, signing_key

URL = "/api/v1/transactions/"
OTHER_SEED = "b3RoZXItcmVjZWlwdC1zaWduaW5nLWtleS0wMTIzNDU="

pytestmark = pytest.mark.usefixtures("spacious_limits")


def log_key_of(name: str) -> str:
    """A key as `manage.py audit_key` would print it for another log."""
    raw = b"\x01" + bytes(range(32))
    key_id = hashlib.sha256(f"{name}\n".encode() + raw).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(raw).decode()}"


@dataclass
class Case:
    """The files that an outsider has, and the verifier on its own."""

    directory: Path

    def write(self, name: str, content: bytes | object) -> Path:
        path = self.directory / name
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        path.write_bytes(content)
        return path

    def arguments(self, receipt: bytes, *more: str) -> list[str]:
        jwks = {"keys": [key.as_jwk() for key in public_keys()]}
        return [
            str(self.write("receipt.json", receipt)),
            *("--jwks", str(self.write("jwks.json", jwks))),
            *("--issuer", django_settings.AUDIT_ORIGIN, *more),
        ]

    def verify(self, receipt: bytes, *more: str) -> int:
        return verifier.main(self.arguments(receipt, *more))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_an_outsider_checks_it_with_one_file_and_nothing_of_ours(
    agent, receipt_for, case
):
    body = spend(agent, merchant="Am\u00e9lie", currency="USD").body
    alone = shutil.copy(BASE_DIR / "transactions/verifier.py", case.directory)

    done = subprocess.run(
        [sys.executable, "-I", alone, *case.arguments(receipt_for(body).content)],
        env={"PATH": os.environ["PATH"]},
        cwd=case.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"deny: 49.99 USD at Am\\xe9lie for {agent.pk}, {body['created_at']} "
        f"({body['id']}), as local/audit signed it.\n"
    )


@pytest.fixture
def signed(agent, receipt_for) -> bytes:
    return receipt_for(spend(agent, "750.00").body).content


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_j16_no_byte_of_it_can_be_changed(signed, case, capsys, data):
    place = data.draw(st.integers(0, len(signed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != signed[place]))

    changed = signed[:place] + bytes([byte]) + signed[place + 1 :]

    assert case.verify(signed) == 0
    assert case.verify(changed) in {1, 2}
    assert "signed it" in capsys.readouterr().out


def test_j16_its_signature_has_one_spelling(signed, case):
    # The last letter has four bits to spare: 64 bytes are no multiple of three.
    signature = json.loads(signed)["signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(signature[-3]) ^ 1]
    same = f"{signature[:-3]}{other}=="

    assert base64.b64decode(same) == base64.b64decode(signature)
    assert case.verify(signed.replace(signature.encode(), same.encode())) == 2


NO_RECEIPT, WRONG = "It is not a signed receipt.", "The signature is wrong."
OTHER_FORM = "has an unexpected form."


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (lambda it: it | {"more": 1}, 1, NO_RECEIPT),
        (lambda it: it | {"algorithm": "none"}, 1, "signed by another algorithm."),
        (lambda it: it | {"key_id": "other"}, 2, "None of the given keys has the id"),
        (lambda it: it | {"signature": ""}, 1, WRONG),
        (lambda it: it | {"signature": it["signature"] + "\n"}, 2, OTHER_FORM),
        (lambda it: it | {"receipt": it["receipt"] | {"more": 1}}, 1, WRONG),
        (lambda it: it | {"receipt": it["receipt"] | {"version": True}}, 1, WRONG),
        (lambda it: it | {"receipt": []}, 1, WRONG),
        (lambda it: it["receipt"], 1, NO_RECEIPT),
        (lambda _: [], 1, NO_RECEIPT),
        (lambda _: None, 1, NO_RECEIPT),
    ],
)
def test_no_part_of_it_can_be_exchanged(signed, case, capsys, change, code, told):
    changed = json.dumps(change(json.loads(signed))).encode()

    assert case.verify(changed) == code
    shown = capsys.readouterr()
    assert told in (shown.out if code == 1 else shown.err)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"receipt": NaN}', b'{"a": 1, "a": 1}'],
)
def test_what_is_no_receipt_cannot_be_checked(case, raw, capsys):
    assert case.verify(raw) == 2
    assert capsys.readouterr().err.startswith("Cannot be checked")


def test_the_same_key_twice_is_refused(signed, case):
    twice = signed.replace(b'{"receipt":', b'{"algorithm":"none","receipt":')

    assert case.verify(twice) == 2


def test_another_key_and_another_issuer_do_not_count(signed, case, settings, capsys):
    arguments = case.arguments(signed)
    settings.RECEIPT_SIGNING_KEY = OTHER_SEED

    assert case.verify(signed) == 2
    assert "None of the given keys has the id" in capsys.readouterr().err
    jwks = json.loads((case.directory / "jwks.json").read_text())
    jwks["keys"][0]["kid"] = json.loads(signed)["key_id"]
    case.write("jwks.json", jwks)
    assert verifier.main(arguments) == 1
    assert "The signature is wrong." in capsys.readouterr().out


def test_a_receipt_of_another_version_or_issuer_is_refused(case, settings, capsys):
    key = signing_key()

    for told, reason in (
        ({"version": 2, "issuer": "local/audit"}, "does not support the version"),
        ({"version": 1, "issuer": "other/audit"}, "not by 'local/audit'"),
    ):
        assert case.verify(json.dumps(key.sign(told)).encode()) == 1
        assert reason in capsys.readouterr().out


def test_after_a_rotation_older_receipts_still_count(
    agent, receipt_for, case, settings
):
    body = spend(agent).body
    older, key = receipt_for(body).content, signing_key().public
    settings.RECEIPT_SIGNING_KEY = OTHER_SEED
    settings.RECEIPT_PREVIOUS_PUBLIC_KEYS = [key.x]

    newer = receipt_for(body)

    assert case.verify(older) == case.verify(newer.content) == 0
    assert newer.json()["receipt"] == json.loads(older)["receipt"]
    other = ReceiptKey(base64.b64decode(OTHER_SEED)).public
    assert newer.json()["key_id"] == other.key_id != key.key_id


@pytest.fixture
def proof(committed_db, agent, people, client_for, settings, tmp_path):
    """A receipt, and the inclusion proof of its event under a checkpoint."""
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    bodies = [spend(agent, "1.00").body for _ in range(9)]
    seal()
    assert make_checkpoint_if_due()
    admin = client_for(people.alice)
    signed = admin.get(f"{URL}{bodies[4]['id']}/receipt/")
    event = signed.json()["receipt"]["event"]["id"]
    answer = admin.get(f"/api/v1/audit/proofs/inclusion/?event={event}")
    assert answer.status_code == 200
    return signed.content, answer.json()


def test_that_its_event_is_in_the_log_can_be_checked_too(proof, case, capsys):
    signed, inclusion = proof
    path = str(case.write("inclusion.json", inclusion))
    key = str(log_key().public)

    assert case.verify(signed, "--inclusion", path, "--log-key", key) == 0

    size = inclusion["size"]
    assert capsys.readouterr().out.splitlines()[1] == (
        f"Its event is in the log, which had {size} events by then."
    )


OTHERS = "The proof is for another event or another log."
NOT_THERE = "The event that the receipt names is not in the log."
OTHER_KEY = "The checkpoint is signed by another key than --log-key."


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (lambda it: it | {"event": "evt_other"}, 1, OTHERS),
        (lambda it: it | {"index": it["index"] + 1}, 1, NOT_THERE),
        (lambda it: it | {"index": -1}, 1, NOT_THERE),
        (lambda it: it | {"index": it["size"]}, 1, NOT_THERE),
        (lambda it: it | {"size": it["size"] + 1}, 1, OTHERS),
        (lambda it: it | {"proof": it["proof"][1:]}, 1, NOT_THERE),
        (lambda it: it | {"proof": it["proof"] + it["proof"][:1]}, 1, NOT_THERE),
        (lambda it: it | {"proof": it["proof"][::-1]}, 1, NOT_THERE),
        (
            lambda it: it | {"checkpoint": it["checkpoint"].replace("time", "tide")},
            1,
            "The signature of the checkpoint is wrong.",
        ),
        (
            lambda it: it | {"checkpoint": it["checkpoint"].replace("local", "other")},
            2,
            OTHER_KEY,
        ),
        (
            lambda it: it | {"checkpoint": it["checkpoint"].partition("\n\n")[0]},
            2,
            OTHER_KEY,
        ),
        (lambda it: it | {"checkpoint": ""}, 2, OTHER_KEY),
        (lambda _: {}, 2, OTHER_FORM),
        (lambda _: [], 2, OTHER_FORM),
    ],
)
def test_a_changed_proof_proves_nothing(proof, case, capsys, change, code, told):
    signed, inclusion = proof
    path = str(case.write("inclusion.json", change(inclusion)))
    key = str(log_key().public)

    assert case.verify(signed, "--inclusion", path, "--log-key", key) == code
    shown = capsys.readouterr()
    assert told in (shown.out if code == 1 else shown.err)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("other/audit+00000000+AQ==", "--log-key is not a key: copy all of it"),
        ("local/audit", "--log-key is not a key: copy all of it"),
        (
            "local/audit+3fa8dcdc+AfXBOty3GjI7/jRDVfF/cl5/zy9Fkz6j525wRLOuDeDQ",
            "--log-key is not a key: copy all of it",
        ),
        (log_key_of("local/audit"), "signed by another key than --log-key."),
        (log_key_of("other/audit"), "--log-key is the key of 'other/audit'"),
    ],
)
def test_by_the_key_of_another_log_it_cannot_be_told(proof, case, capsys, key, told):
    signed, inclusion = proof
    path = str(case.write("inclusion.json", inclusion))

    assert case.verify(signed, "--inclusion", path, f"--log-key={key}") == 2
    assert told in capsys.readouterr().err


def test_what_cannot_be_read_is_named_in_a_sentence(signed, case, capsys):
    arguments = case.arguments(signed)
    for content, told in (
        (None, "jwks.json: No such file or directory."),
        (b"{}", "jwks.json has an unexpected form."),
        (b"{", "jwks.json cannot be read: Expecting"),
        (b"\xff", "jwks.json is not UTF-8."),
    ):
        path = case.directory / "jwks.json"
        path.unlink() if content is None else path.write_bytes(content)

        assert verifier.main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(f"Cannot be checked: {case.directory}/{told}")
        assert "Error" not in captured.err
        case.write("jwks.json", b"{}")


def test_a_proof_needs_the_key_of_the_log(case):
    with pytest.raises(SystemExit):
        case.verify(b"{}", "--inclusion", "somewhere")
