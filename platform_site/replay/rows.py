"""Read the stream row by row, from a plain or gzipped file."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

from audit.base.core.readers import parse_instant

# Without the label, is_fraud: it is never read and so never sent.
COLUMNS = (
    "transaction_id",
    "timestamp",
    "customer_id",
    "merchant_id",
    "amount",
    "category",
)
LINE_BYTES_MAX = 64 * 1024
# Spreadsheets' separators depend on the country; the header shows which one is used.
SEPARATORS: tuple[str, ...] = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*')  # Excel's, before the header.
EMPTY_LINE_BYTES = b' \t\r\n,;"'
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
GZIP_MAGIC = b"\x1f\x8b"
# As the API accepts them, as an idempotency key and as part of an agent's name.
TRANSACTION_ID = re.compile(r"[\x21-\x7e]{1,255}")
CUSTOMER_ID_LENGTH_MAX = 90
AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")


class StreamError(Exception):
    """The file as a whole cannot be read; the message says why and where."""


class _BadRow(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Header:
    """The position of each column, and the separator."""

    positions: Mapping[str, int]
    separator: str

    @property
    def width(self) -> int:
        """Number of columns up to the last one that has a name."""
        return max(self.positions.values()) + 1

    @property
    def needed(self) -> int:
        """Number of columns that a row must have to contain all that are read."""
        return max(self.positions[name] for name in COLUMNS) + 1


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded transaction."""

    transaction_id: str
    occurred_at: datetime
    customer_id: str
    merchant: str
    amount: str
    category: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is not a transaction, and why."""

    line: int
    reason: str


def read_rows(path: Path) -> Iterator[Row | Malformed]:
    """Yield the rows in file order, in constant memory; bad ones as Malformed.

    Accepts what spreadsheets write: empty lines, empty columns at the end, and missing
    columns at the end that are not read.

    Raises StreamError if the file cannot be opened, lacks a header or is damaged.
    """
    with _open(path) as stream:
        numbered = _lines(stream, path)
        header = _header(numbered, path)
        for number, line in numbered:
            if line is not None and not line.strip(EMPTY_LINE_BYTES):
                continue
            try:
                yield _row(line, header)
            except _BadRow as bad:
                yield Malformed(number, str(bad))


def count_lines(path: Path) -> int | None:
    """Return the number of lines after the header; None if it is not a regular file."""
    if not path.is_file():
        return None
    with _open(path) as stream:
        return max(0, sum(1 for _ in _lines(stream, path)) - 1)


def _open(path: Path) -> BinaryIO:
    """Open a file, and unpack it if it is gzipped, whatever its name."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise StreamError(f"{path}: {error.strerror}") from error
    if raw.peek(2)[:2] != GZIP_MAGIC:
        return raw
    return _Unpacked(raw)


class _Unpacked(io.BufferedReader):
    """Closes the packed file as well, which GzipFile does not."""

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed = packed
        super().__init__(cast("io.RawIOBase", gzip.GzipFile(fileobj=packed)))

    def close(self) -> None:
        super().close()
        self._packed.close()


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield line numbers and lines, None for a line that is too long to be a row."""
    number = 0
    try:
        while line := stream.readline(LINE_BYTES_MAX):
            number += 1
            if line.endswith(b"\n") or len(line) < LINE_BYTES_MAX:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = stream.readline(LINE_BYTES_MAX)
            yield number, None
    except (OSError, EOFError, zlib.error) as error:
        raise StreamError(f"{path} is damaged after line {number}: {error}") from error


def _header(numbered: Iterator[tuple[int, bytes | None]], path: Path) -> _Header:
    """Read the header. Raises StreamError, which says what is wrong with the file."""
    number, line = next(numbered, (1, b""))
    if line is not None and line.startswith(UTF_16):
        raise StreamError(f"{path} is UTF-16. Save it as CSV in UTF-8.")
    try:
        text, separators = _text(line), SEPARATORS
        if named := SEPARATOR_LINE.fullmatch(text):
            number, line = next(numbered, (2, b""))
            text, separators = _text(line), (named[1],)
        return _parse_header(text, separators)
    except _BadRow as error:
        raise StreamError(f"{path}, line {number}: {error}") from error


def _parse_header(text: str, separators: Sequence[str]) -> _Header:
    """Return the header, read with the separator that finds most columns."""

    def count(names: list[str]) -> int:
        return len({*names} & {*COLUMNS})

    found = {one: _column_names(text, one) for one in separators}
    separator = max(separators, key=lambda one: count(found[one]))
    names = found[separator]
    if missing := [name for name in COLUMNS if name not in names]:
        raise _BadRow(f"no column {', '.join(missing)}.")
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise _BadRow(f"column {twice[0]} occurs twice")
    positions = {name: index for index, name in enumerate(names) if name}
    return _Header(positions, separator)


def _column_names(text: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in _fields(text, separator)]
    except _BadRow:  # Quoted, with another separator.
        return []


def _row(line: bytes | None, header: _Header) -> Row:
    fields = [field.strip() for field in _fields(_text(line), header.separator)]
    while len(fields) > header.width and not fields[-1]:
        fields.pop()
    if not header.needed <= len(fields) <= header.width:
        raise _BadRow(f"{len(fields)} fields instead of {header.width}")
    values = {name: fields[header.positions[name]] for name in COLUMNS}
    if not TRANSACTION_ID.fullmatch(values["transaction_id"]):
        raise _BadRow("transaction_id must be 1 to 255 printable ASCII characters")
    if not _is_customer_id(values["customer_id"]):
        raise _BadRow(
            f"customer_id must be 1 to {CUSTOMER_ID_LENGTH_MAX} printable characters"
        )
    return Row(
        transaction_id=values["transaction_id"],
        occurred_at=_instant(values["timestamp"]),
        customer_id=values["customer_id"],
        merchant=_merchant(values["merchant_id"]),
        amount=_amount(values["amount"]),
        category=values["category"],
    )


def _text(line: bytes | None) -> str:
    if line is None:
        raise _BadRow("the line is too long")
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _BadRow("the line is not UTF-8; save the file as CSV in UTF-8") from None


def _fields(text: str, separator: str) -> list[str]:
    try:
        # A row is one line: a stray quote must not include the lines after it.
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise _BadRow(f"the line is not CSV ({error})") from None


def _is_customer_id(text: str) -> bool:
    return 1 <= len(text) <= CUSTOMER_ID_LENGTH_MAX and text.isprintable()


def _instant(text: str) -> datetime:
    instant = parse_instant(text, zone=UTC)
    if instant is None:
        raise _BadRow("timestamp is not ISO 8601, such as 2026-01-31T12:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise _BadRow("timestamp is out of range") from None


def _merchant(text: str) -> str:
    if not text:
        raise _BadRow("merchant_id is empty")
    return text if len(text) > 1 else f"merchant {text}"  # Names: 2 or more.


def _amount(text: str) -> str:
    if not AMOUNT.fullmatch(text) or Decimal(text) == 0:
        raise _BadRow("amount is not a positive decimal number, such as 12.50")
    return text
