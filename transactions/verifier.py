"""Check a signed receipt without the platform that issued it.

    python verifier.py RECEIPT --jwks FILE --issuer NAME
    python verifier.py RECEIPT --jwks FILE --issuer NAME --inclusion FILE --log-key KEY

RECEIPT is the answer of `GET /api/v1/transactions/{id}/receipt/`, the first FILE that
of `/.well-known/jwks.json`, fetched from the issuer by a way that one trusts. With the
answer of `GET /api/v1/audit/proofs/inclusion/?event=…` and the log's public key
(`manage.py audit_key`) it also checks that the event which the receipt names is in the
issuer's audit log. This one file needs Python and the package `cryptography`, nothing
of the platform, no database and no network: copy it anywhere.

NAME and KEY are what `manage.py audit_key` prints as origin and key.

Exit code 0: it is what the issuer signed. 1: it is not. 2: it cannot be told, for an
input is missing or is not the right one: a file, the issuer's key, the log's key.
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
    """Something does not hold; the message says what."""


class Untold(Exception):
    """It cannot be told whether it holds; the message says what it would take."""


def verify_receipt(
    signed: Any, keys: dict[str, bytes], *, issuer: str
) -> dict[str, Any]:
    """Return the receipt once a published key is found to have signed it, or raise.

    Raises Refused, and Untold where the key that it names is not among `keys`.
    """
    if not isinstance(signed, dict) or set(signed) != ENVELOPE:
        raise Refused("It is no signed receipt.")
    receipt, key = signed["receipt"], keys.get(str(signed["key_id"]))
    if signed["algorithm"] != ALGORITHM:
        raise Refused("It is signed by another algorithm.")
    if key is None:
        raise Untold(
            f"The kept keys have none with the id {signed['key_id']!r}. Fetch the "
            "issuer's again, by a way you trust."
        )
    if not is_signed(key, canonical(receipt), from_base64(signed["signature"])):
        raise Refused("The signature is wrong.")
    if receipt["version"] != VERSION:
        raise Refused("It is a receipt of another version than this verifier reads.")
    if receipt["issuer"] != issuer:
        raise Refused(f"It was issued by {receipt['issuer']!r}, not by {issuer!r}.")
    return dict(receipt)


def verify_inclusion(receipt: dict[str, Any], proof: Any, *, log_key: str) -> int:
    """Return how many events the log had that includes the receipt's, or raise."""
    leaf = bytes.fromhex(receipt["event"]["leaf_hash"])
    size, root = open_note(proof["checkpoint"], receipt["issuer"], log_key)
    if proof["event"] != receipt["event"]["id"] or proof["size"] != size:
        raise Refused("The proof is of another event or of another log.")
    steps = [from_base64(step) for step in proof["proof"]]
    if root_of(leaf, int(proof["index"]), size, steps) != root:
        raise Refused("The event that it names is not in the log.")
    return size


def open_note(note: str, origin: str, log_key: str) -> tuple[int, bytes]:
    """Return size and root of a signed checkpoint. Source: C2SP tlog-checkpoint."""
    name, named, key = parse_log_key(log_key)
    if name != origin:
        raise Untold(f"--log-key is that of {name!r}; the issuer is {origin!r}.")
    text, found, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines() if found else ():
        signature = from_base64(line.rpartition(" ")[2])
        if line.startswith(f"\N{EM DASH} {name} ") and signature[:4] == named:
            told, size, root = text.split("\n")[:3]
            if is_signed(key, f"{text}\n".encode(), signature[4:]) and told == origin:
                return int(size), from_base64(root)
            raise Refused("The signature of the checkpoint is wrong.")
    raise Untold("The checkpoint is signed by another key than --log-key.")


def parse_log_key(text: str) -> tuple[str, bytes, bytes]:
    """Return name, id and Ed25519 key of what `manage.py audit_key` prints as key."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = from_base64(encoded)
    except ValueError:
        raw = b""
    named = sha256(name.encode() + b"\n" + raw).digest()[:4]
    if named.hex() != key_id or raw[:1] != NOTE_TYPE or len(raw) != 33:
        raise Untold("--log-key is no key: copy all of it, NAME+ID+KEY.")
    return name, named, raw[1:]


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Return the root that a proof leads to. Source: RFC 9162, 2.1.3.2."""
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
    """Return canonical JSON (RFC 8785) of what receipts consist of: no fractions."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def from_base64(text: str) -> bytes:
    """Decode Base64 of the one right spelling."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("Base64 is spelled in another way than ours.")
    return raw


def keys_of(jwks: Any) -> dict[str, bytes]:
    """Return the Ed25519 keys of a JWK Set (RFC 7517, RFC 8037) by their ids."""
    return {
        key["kid"]: base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        for key in jwks["keys"]
        if key["kty"] == "OKP" and key["crv"] == ALGORITHM
    }


def read_json(path: Path) -> Any:
    """Read JSON in which nothing can be meant in two ways. Raises Untold."""

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("An object has the same key twice.")
        return dict(pairs)

    def refuse(number: str) -> NoReturn:
        raise ValueError(f"{number} is in no receipt.")

    try:
        return json.loads(
            path.read_bytes().decode("utf-8"),
            object_pairs_hook=object_of,
            parse_float=refuse,
            parse_constant=refuse,
        )
    except OSError as error:
        raise Untold(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Untold(f"{path} is not UTF-8.") from error
    except RecursionError as error:
        raise Untold(f"{path} is nested too deep.") from error
    except ValueError as error:
        raise Untold(f"{path} cannot be read: {error}") from error


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
        print(told(receipt))
        if chosen.inclusion:
            read = chosen.inclusion
            proof = read_json(read)
            size = verify_inclusion(receipt, proof, log_key=chosen.log_key)
            print(f"Its event is in the log, which had {size} events by then.")
    except Refused as refusal:
        print(f"It does not hold: {refusal}")
        return 1
    except Untold as untold:
        print(f"Cannot be checked: {untold}", file=sys.stderr)
        return 2
    except UNREADABLE:
        print(f"Cannot be checked: {read} has another form.", file=sys.stderr)
        return 2
    return 0


def told(receipt: dict[str, Any]) -> str:
    """Return what was signed, in a line that shows every character as it is."""
    line = (
        f"{receipt['outcome']}: {receipt['amount']} {receipt['currency']} at "
        f"{receipt['merchant']} for {receipt['agent']}, {receipt['decided_at']}"
        f" ({receipt['transaction']}), as {receipt['issuer']} signed it."
    )
    return re.sub(r"[^ -~]", lambda odd: ascii(odd[0])[1:-1], line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
