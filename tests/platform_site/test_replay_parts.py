"""What the replay reads and counts, without a server."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from platform_site.replay.rows import Malformed, Row, StreamError, read_rows
from platform_site.replay.tally import Latencies
from platform_site.run.credentials import Credentials, Login, save_credentials

HEADER = "transaction_id,timestamp,customer_id,merchant_id,amount,category,is_fraud"
START = datetime(2024, 3, 1, tzinfo=UTC)


def test_the_label_is_not_even_read():
    assert "is_fraud" not in Row.__dataclass_fields__


def test_damage_in_a_packed_file_is_told_with_its_place(tmp_path):
    lines = (f"t{n},2024-03-01T00:00:00Z,c1,m{n},{n + 1},,0\n" for n in range(2000))
    file = tmp_path / "stream.csv.gz"
    file.write_bytes(gzip.compress("".join([HEADER, "\n", *lines]).encode())[:-2000])

    with pytest.raises(StreamError, match="damaged after line"):
        list(read_rows(file))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("t1,2024-03-01T00:00:00Z,c1,m1,5", "5 fields instead of 7"),
        ("t 1,2024-03-01T00:00:00Z,c1,m1,5,,0", "transaction_id must be"),
        ("t1,2024-03-01T00:00:00Z,,m1,5,,0", "customer_id must be"),
        ("t1,2024-03-01T00:00:00Z,c1,,5,,0", "merchant_id is empty"),
        ("t1,2024-03-01T00:00:00Z,c1,m1,-5,,0", "amount is not"),
        ("t1,2024-03-01T00:00:00Z,c1,m1,NaN,,0", "amount is not"),
        ("t1,2024-03-01T00:00:00Z,c1,m1,1e3,,0", "amount is not"),
        ("t1,0001-01-01T00:00:00+14:00,c1,m1,5,,0", "timestamp is out of range"),
        ("x" * 70_000, "the line is too long"),
    ],
)
def test_a_bad_line_does_not_spoil_the_next(tmp_path, line, reason):
    good = "t2,2024-03-01 00:00:00,c1,m,5,,0"
    file = tmp_path / "stream.csv"
    file.write_text(f"\ufeff{HEADER}\n{line}\n\n{good}\n", encoding="utf-8")

    bad, row = read_rows(file)

    assert isinstance(bad, Malformed)
    assert bad.line == 2
    assert bad.reason.startswith(reason)
    assert row == Row("t2", START, "c1", "merchant m", "5", "")


def test_percentiles_are_within_a_hundredth():
    latencies = Latencies()
    for number in range(1, 1001):
        latencies.add(number / 1000)

    found = [latencies.percentile_s(percent) for percent in (50, 90, 99, 100)]

    assert found == pytest.approx([0.5, 0.9, 0.99, 1.0], rel=0.011)
    assert (latencies.max_s, Latencies().percentile_s(50)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column transaction_id"),
        ("transaction_id,timestamp,customer_id,amount\n", "no column merchant_id"),
    ],
)
def test_a_file_without_the_header_is_refused(tmp_path, text, message):
    path = tmp_path / "credentials.json"
    login = {"admin": Login("admin", "a password")}
    save_credentials(path, Credentials("http://127.0.0.1:9", login))

    file = tmp_path / "stream.csv"
    file.write_text(text)

    with pytest.raises(CommandError, match=message):
        call_command("replay", str(file), "--credentials", str(path))


def test_a_missing_credentials_file_is_named(tmp_path):
    none = str(tmp_path / "none.json")

    with pytest.raises(CommandError, match=r"none\.json: No such file"):
        call_command("replay", "stream.csv", "--credentials", none)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--workers", "0"),
        ("--workers", "65"),
        ("--limit", "-1"),
        ("--limit", "ten"),
        ("--speed", "-1"),
        ("--speed", "nan"),
        ("--base-url", "ftp://example.com"),
        ("--base-url", "example.com"),
    ],
)
def test_options_that_make_no_sense_are_refused(option, value):
    with pytest.raises(CommandError, match=option):
        call_command("replay", "stream.csv", option, value)


def in_a_file(tmp_path, content: bytes):
    file = tmp_path / "stream.csv"
    file.write_bytes(content)
    return list(read_rows(file))


PLAIN = "t1,2024-03-01T00:00:00Z,c1,m1,5,,0"
READ = Row("t1", START, "c1", "m1", "5", "")


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER},,\n{PLAIN},,\n",
        f"{HEADER},,\n{PLAIN}\n",
        f"{HEADER}\n{PLAIN},,\n",
        f"{HEADER},note\n{PLAIN}\n",
        f"{HEADER}\n{PLAIN.removesuffix(',0')}\n",
        f"{HEADER},,\n,,,,,,,,\n{PLAIN},,\n,,,,,,,,\n",
        f"\ufeff{HEADER}\r\n{PLAIN}\r\n",
        f"{HEADER}\n{PLAIN}\n".replace(",", ";"),
        f"\ufeff{HEADER};;\n{PLAIN};;\n;;;;;;;;\n".replace(",", ";"),
        f"{HEADER}\n{PLAIN}\n".replace(",", "\t"),
        f"sep=;\r\n{HEADER}\r\n{PLAIN}\r\n".replace(",", ";"),
        f'"{HEADER}"\n"{PLAIN}"\n'.replace(",", '","'),
        f'"{HEADER}"\n"{PLAIN}"\n'.replace(",", '";"'),
    ],
)
def test_what_a_spreadsheet_leaves_in_a_file_is_read(tmp_path, content):
    assert in_a_file(tmp_path, content.encode()) == [READ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"{HEADER},,\n{PLAIN},,x\n", "9 fields instead of 7"),
        (f"{HEADER}\n{PLAIN}\n".replace(",", ";").replace("5", "5,00"), "amount is"),
        (f"{HEADER}\n{PLAIN}\n".replace("2024-03-01", "01.03.2024"), "timestamp is"),
    ],
)
def test_what_a_spreadsheet_changed_is_told(tmp_path, content, reason):
    [bad] = in_a_file(tmp_path, content.encode())

    assert isinstance(bad, Malformed)
    assert bad.reason.startswith(reason)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEADER}\n{PLAIN}\n".encode("utf-16"), "is UTF-16. Save it as CSV in UTF-8"),
        (f"{HEADER}\n".replace("t_id", "t_îd").encode("latin-1"), "is not UTF-8; save"),
        (f"{HEADER},amount\n".encode(), "line 1: column amount occurs twice"),
        (f"sep=;\n{HEADER}\n".encode(), "line 2: no column transaction_id"),
    ],
)
def test_a_header_that_cannot_be_read_says_what_to_do(tmp_path, content, message):
    with pytest.raises(StreamError, match=message):
        in_a_file(tmp_path, content)


def test_a_file_of_which_no_row_can_be_read_is_no_success(tmp_path, capsys):
    path = tmp_path / "credentials.json"
    login = {"admin": Login("admin", "a password")}
    save_credentials(path, Credentials("http://127.0.0.1:9", login))
    file = tmp_path / "stream.csv"
    file.write_text(f"{HEADER}\nnone\n", encoding="utf-8")

    with pytest.raises(CommandError, match="No row could be sent"):
        call_command("replay", str(file), "--credentials", str(path))

    assert "line 2: 1 fields instead of 7; skipped" in capsys.readouterr().err
