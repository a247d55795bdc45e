"""Check a signed receipt without the platform that issued it.

    python verifier.py RECEIPT --jwks FILE --issuer NAME
    python verifier.py RECEIPT --jwks FILE --issuer NAME --inclusion FILE --log-key KEY

RECEIPT is the answer of `GET /api/v1/transactions/{id}/receipt/`. The file after --jwks
is `/.well-known/jwks.json`, fetched from the issuer over a channel that you trust. The
file after --inclusion is the answer of `GET /api/v1/audit/proofs/inclusion/?event=…`:
with it and the log's public key, the event that the receipt names is also checked to be
in the issuer's audit log. NAME and KEY are the origin and the key that
`manage.py audit_key` prints.

This file needs only Python and the package `cryptography`: no other file of the
platform, no database and no network. It can be copied anywhere.

Exit code 0: the issuer signed this receipt. 1: the issuer did not. 2: the check was not
possible, because an input is missing or is not the right one: a file, the issuer's key
or the log's key.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ENVELOPE = {"receipt", "signature", "algorithm", "key_id"}
VERSION, ALGORITHM = 1, "Ed25519"
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
NOTE_TYPE = b"\x01"  # Ed25519, in C2SP signed notes.


class Refused(Exception):
    """A check failed; the message says which."""


class NotCheckable(Exception):
    """The check is not possible; the message says which input it needs."""


def verify_receipt(
    signed: Any, keys: dict[str, bytes], *, issuer: str
) -> dict[str, Any]:
    """Return the receipt if one of `keys` signed it.

    Raises Refused otherwise, or NotCheckable if `keys` lacks the key that it names.
    """
    if not isinstance(signed, dict) or set(signed) != ENVELOPE:
        raise Refused("It is not a signed receipt.")
    receipt, key = signed["receipt"], keys.get(str(signed["key_id"]))
    if signed["algorithm"] != ALGORITHM:
        raise Refused("It is signed by another algorithm.")
    if key is None:
        raise NotCheckable(
            f"None of the given keys has the id {signed['key_id']!r}. Fetch the "
            "issuer's keys again, over a channel that you trust."
        )
    if not is_signed(key, canonical(receipt), from_base64(signed["signature"])):
        raise Refused("The signature is wrong.")
    if receipt["version"] != VERSION:
        raise Refused("This verifier does not support the version of the receipt.")
    if receipt["issuer"] != issuer:
        raise Refused(f"It was issued by {receipt['issuer']!r}, not by {issuer!r}.")
    return dict(receipt)


def verify_inclusion(receipt: dict[str, Any], proof: Any, *, log_key: str) -> int:
    """Return the size of the log in which the proof shows the receipt's event.

    Raises Refused, or NotCheckable.
    """
    leaf = bytes.fromhex(receipt["event"]["leaf_hash"])
    size, root = open_note(proof["checkpoint"], receipt["issuer"], log_key)
    if proof["event"] != receipt["event"]["id"] or proof["size"] != size:
        raise Refused("The proof is for another event or another log.")
    steps = [from_base64(step) for step in proof["proof"]]
    if root_of(leaf, int(proof["index"]), size, steps) != root:
        raise Refused("The event that the receipt names is not in the log.")
    return size


def open_note(note: str, origin: str, log_key: str) -> tuple[int, bytes]:
    """Return size and root of a signed checkpoint. Source: C2SP tlog-checkpoint."""
    name, key_id, key = parse_log_key(log_key)
    if name != origin:
        raise NotCheckable(
            f"--log-key is the key of {name!r}; the issuer is {origin!r}."
        )
    text, found, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines() if found else ():
        signature = from_base64(line.rpartition(" ")[2])
        if line.startswith(f"\N{EM DASH} {name} ") and signature[:4] == key_id:
            signed_origin, size, root = text.split("\n")[:3]
            is_valid = is_signed(key, f"{text}\n".encode(), signature[4:])
            if is_valid and signed_origin == origin:
                return int(size), from_base64(root)
            raise Refused("The signature of the checkpoint is wrong.")
    raise NotCheckable("The checkpoint is signed by another key than --log-key.")


def parse_log_key(text: str) -> tuple[str, bytes, bytes]:
    """Return name, id and Ed25519 key of a key that `manage.py audit_key` printed."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = from_base64(encoded)
    except ValueError:
        raw = b""
    derived_id = sha256(name.encode() + b"\n" + raw).digest()[:4]
    if derived_id.hex() != key_id or raw[:1] != NOTE_TYPE or len(raw) != 33:
        raise NotCheckable("--log-key is not a key: copy all of it, NAME+ID+KEY.")
    return name, derived_id, raw[1:]


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Return the root that a proof computes to. Source: RFC 9162, 2.1.3.2."""
    here, last, hashed = index, size - 1, leaf
    if not 0 <= here <= last:
        return None
    for step in proof:
        if last == 0:
            return None
        if here & 1 or here == last:
            hashed = sha256(b"\x01" + step + hashed).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            hashed = sha256(b"\x01" + hashed + step).digest()
        here, last = here >> 1, last >> 1
    return hashed if last == 0 else None


def canonical(value: Any) -> bytes:
    """Return canonical JSON (RFC 8785); only for values without fractions."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def from_base64(text: str) -> bytes:
    """Decode Base64; accepts the canonical encoding only."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("The Base64 is not in its canonical encoding.")
    return raw


def keys_of(jwks: Any) -> dict[str, bytes]:
    """Return the Ed25519 keys of a JWK Set (RFC 7517, RFC 8037) by id."""
    return {
        key["kid"]: base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        for key in jwks["keys"]
        if key["kty"] == "OKP" and key["crv"] == ALGORITHM
    }


def read_json(path: Path) -> Any:
    """Read JSON without duplicate keys or fractions. Raises NotCheckable."""

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("An object has the same key twice.")
        return dict(pairs)

    def refuse(number: str) -> NoReturn:
        raise ValueError(f"receipts do not contain numbers such as {number}.")

    try:
        return json.loads(
            path.read_bytes().decode("utf-8"),
            object_pairs_hook=object_of,
            parse_float=refuse,
            parse_constant=refuse,
        )
    except OSError as error:
        raise NotCheckable(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise NotCheckable(f"{path} is not UTF-8.") from error
    except RecursionError as error:
        raise NotCheckable(f"{path} is nested too deep.") from error
    except ValueError as error:
        raise NotCheckable(f"{path} cannot be read: {error}") from error


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Check a signed receipt.")
    parser.add_argument("receipt", type=Path, help="a file")
    parser.add_argument("--jwks", type=Path, required=True, help="the issuer's keys")
    parser.add_argument("--issuer", required=True, help="its log's name, the origin")
    parser.add_argument("--inclusion", type=Path, help="a proof from the audit log")
    parser.add_argument("--log-key", default="", help="the log's: name+id+key")
    chosen = parser.parse_args(arguments)
    if bool(chosen.inclusion) != bool(chosen.log_key):
        parser.error("--inclusion and --log-key go together.")
    read = chosen.jwks
    try:
        keys = keys_of(read_json(read))
        read = chosen.receipt
        receipt = verify_receipt(read_json(read), keys, issuer=chosen.issuer)
        print(receipt_line(receipt))
        if chosen.inclusion:
            read = chosen.inclusion
            proof = read_json(read)
            size = verify_inclusion(receipt, proof, log_key=chosen.log_key)
            print(f"Its event is in the log, which had {size} events by then.")
    except Refused as refusal:
        print(f"Not valid: {refusal}")
        return 1
    except NotCheckable as reason:
        print(f"Cannot be checked: {reason}", file=sys.stderr)
        return 2
    except UNREADABLE:
        print(f"Cannot be checked: {read} has an unexpected form.", file=sys.stderr)
        return 2
    return 0


def receipt_line(receipt: dict[str, Any]) -> str:
    """Return the receipt in one line of ASCII; other characters are escaped."""
    line = (
        f"{receipt['outcome']}: {receipt['amount']} {receipt['currency']} at "
        f"{receipt['merchant']} for {receipt['agent']}, {receipt['decided_at']}"
        f" ({receipt['transaction']}), as {receipt['issuer']} signed it."
    )
    return re.sub(r"[^ -~]", lambda odd: ascii(odd[0])[1:-1], line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
