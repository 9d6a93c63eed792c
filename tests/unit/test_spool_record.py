"""The spool reader's decoding of queue files and logs, on crafted bytes and on any bytes at all."""

from __future__ import annotations

from itertools import starmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.postfix.spool import record
from mtatui.queue.message import RECIPIENT, ROW, Message


def rec(kind: str, data: bytes = b"") -> bytes:
    """One record as record.c writes it."""
    length, rest = bytearray(), len(data)
    while True:
        length.append((rest & 127) | (128 if rest > 127 else 0))
        rest >>= 7
        if not rest:
            return kind.encode() + bytes(length) + data


def pointer(offset: int) -> bytes:
    return rec("p", b"%15d" % offset)


def queue_file(
    before: bytes,
    *,
    content: bytes = b"Subject: x\n",
    after: bytes = b"",
    arrival: bytes = b"1700000000 123456",
) -> bytes:
    """A queue file as cleanup(8) writes it: ``before`` is what follows the arrival time."""
    text = b"".join(rec("N", line) for line in content.splitlines()) + pointer(0)
    size = b"%15d %15d %15d %15d %15d %15d"
    envelope = rec("T", arrival) + before + rec("M")
    offset = len(rec("C", size % (0, 0, 0, 0, 0, 0))) + len(envelope)
    first = rec("C", size % (len(text), offset, 1, 0, len(text), 0))
    return first + envelope + text + rec("X") + after + rec("E")


ENVELOPE = (
    rec("A", b"rewrite_context=remote")
    + rec("S", b"ann@example.org")
    + rec("A", b"log_client_name=mail.example.org")
    + rec("A", b"log_client_address=192.0.2.7")
    + rec("A", b"log_helo_name=helo.example.org")
    + rec("A", b"client_name=localhost")
    + rec("A", b"client_address=127.0.0.1")
    + rec("A", b"sasl_username=ann")
    + rec("L", b"smtp-amavis:[127.0.0.1]:10024")
    + rec("R", b"bob@example.net")
)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path


def row(spool: Path, data: bytes, log: bytes | None = None, state: str = "deferred") -> list[Any]:
    (spool / "4F8A1C0D2E").write_bytes(data)
    if log is not None:
        (spool / "log").write_bytes(log)
    return record.read_row(str(spool / "4F8A1C0D2E"), "4F8A1C0D2E", state, 77, (str(spool / "log"),))


def message(spool: Path, data: bytes, log: bytes | None = None) -> Message:
    return Message.from_row(row(spool, data, log))


def test_a_row_has_the_columns_that_the_rest_of_the_program_expects(spool: Path) -> None:
    data = queue_file(ENVELOPE)
    found = row(spool, data)
    assert len(found) == len(ROW)
    assert all(len(recipient) == len(RECIPIENT) for recipient in found[-1])
    size = int(data[2:17])
    assert dict(zip(ROW, found, strict=True)) == {
        "id": "4F8A1C0D2E",
        "state": "deferred",
        "arrival": 1700000000,
        "size": size,
        "mtime": 77,
        "sender": "ann@example.org",
        "client_ip": "192.0.2.7",
        "client_name": "mail.example.org",
        "helo": "helo.example.org",
        "sasl_user": "ann",
        "content_filter": "smtp-amavis:[127.0.0.1]:10024",
        "recipients": [["bob@example.net", "", "", 0, ""]],
    }
    assert record.read_identity(str(spool / "4F8A1C0D2E")) == (1700000000, size, "ann@example.org")


def test_client_attributes_serve_where_the_logging_ones_are_missing(spool: Path) -> None:
    found = message(
        spool, queue_file(rec("S") + rec("A", b"client_address=192.0.2.1") + rec("A", b"helo_name=h"))
    )
    assert (found.client_ip, found.helo, found.sender) == ("192.0.2.1", "h", "")


def test_served_original_and_cancelled_recipients(spool: Path) -> None:
    found = message(
        spool,
        queue_file(
            rec("S", b"s@x")
            + rec("O", b"alias@x") + rec("R", b"one@x")
            + rec("O", b"gone@x") + rec("/", b"gone@x")
            + rec("O", b"two@x") + rec("D", b"two@x")
            + rec("R", b"")
        ),
    )  # fmt: skip
    assert [(r.address, r.done, r.original) for r in found.recipients] == [
        ("one@x", False, "alias@x"),
        ("two@x", True, ""),
        ("MAILER-DAEMON", False, ""),
    ]


@pytest.mark.parametrize("lines", [1, 3000], ids=["small", "larger than one read"])
def test_recipients_and_filter_extracted_after_the_content(spool: Path, lines: int) -> None:
    data = queue_file(
        rec("S", b"s@x") + rec("R", b"a@x"),
        content=b"L is not a filter in here\n" * lines,
        after=rec("R", b"b@x") + rec("L", b"scan:[::1]:1"),
    )
    found = message(spool, data)
    assert [r.address for r in found.recipients] == ["a@x", "b@x"]
    assert found.content_filter == "scan:[::1]:1"


def test_a_file_without_a_size_record_is_read_through_its_content(spool: Path) -> None:
    """postdrop(1) writes such files into maildrop; a long line there is an L record, and no filter."""
    data = (
        rec("T", b"5") + rec("S", b"s@x") + rec("M") + rec("N", b"x" * 9000) + rec("L", b"y" * 70000)
        + rec("X") + rec("R", b"a@x") + rec("E")
    )  # fmt: skip
    found = message(spool, data)
    assert (found.size, found.content_filter, found.arrival) == (len(data), "", 5)
    assert [r.address for r in found.recipients] == ["a@x"]


def test_pointers_of_an_edited_file_are_followed(spool: Path) -> None:
    """A milter replaced the sender and added a recipient: new records lie after the end record."""
    head = rec("A", b"x=y")
    data = bytearray(queue_file(head + pointer(0) + rec("R", b"a@x"), after=pointer(0)))
    slot = data.index(b"p\x0f")
    after_slot = slot + 17
    heap = len(data)
    data += rec("S", b"new@x") + pointer(after_slot)
    data[slot : slot + 17] = pointer(heap)
    last = data.rindex(b"E\x00", 0, heap) - 17
    heap = len(data)
    data += rec("R", b"added@x") + pointer(last + 17)
    data[last : last + 17] = pointer(heap)
    found = message(spool, bytes(data))
    assert found.sender == "new@x"
    assert [r.address for r in found.recipients] == ["a@x", "added@x"]


def test_a_defer_log_gives_each_recipient_its_own_reason(spool: Path) -> None:
    data = queue_file(rec("S", b"s@x") + rec("R", b"same@x") + rec("R", b"same@x") + rec("R", b"odd one@x"))
    second = data.index(b"R", data.index(b"R\x06same@x") + 1)
    log = (
        b"\n<same@x>: old style\nrecipient=same@x\noffset=%d\nstatus=4.4.1\naction=delayed\n"
        b"reason=first\n\n\nrecipient=same@x\noffset=%d\nstatus=4.7.1\nreason=second = two\n\n"
        b'\nrecipient="odd one"@x\nstatus=4.0.0\nreason=third\xff\n\n'
    ) % (data.index(b"R\x06same@x"), second)
    found = message(spool, data, log)
    assert [(r.address, r.reason, r.status) for r in found.recipients] == [
        ("same@x", "first", "4.4.1"),
        ("same@x", "second = two", "4.7.1"),
        ('"odd one"@x', "third\udcff", "4.0.0"),
    ]


def test_an_old_style_log_is_understood(spool: Path) -> None:
    found = message(spool, queue_file(rec("S") + rec("R", b"a@x")), b"\n<a@x>: host said: no\n\n")
    assert found.recipients[0].reason == "host said: no"


def test_long_texts_are_bounded_and_do_not_break_the_rest(spool: Path) -> None:
    long = b"l" * 65536 + b"@x"
    data = queue_file(rec("S", long) + rec("R", long) + rec("R", b"b@x"), content=b"x\n" * 9000)
    found = message(spool, data, b"recipient=b@x\nreason=" + b"y" * 10000 + b"\n\n")
    assert found.sender == "l" * record.TEXT_LIMIT
    assert found.recipients[1].reason == "y" * record.TEXT_LIMIT
    assert found.identity.sender == record.read_identity(str(spool / found.id))[2]


def test_ten_thousand_recipients_are_all_there(spool: Path) -> None:
    many = b"".join(rec("R", b"r%d@example.net" % n) for n in range(10_000))
    found = message(spool, queue_file(rec("S", b"list@x") + many))
    assert len(found.recipients) == 10_000
    assert found.recipients[-1].address == "r9999@example.net"


@pytest.mark.parametrize(
    ("raw", "quoted"),
    [
        (b"a.b@x", "a.b@x"),
        (b"a b@x", '"a b"@x'),
        (b"a@b@x", '"a@b"@x'),
        (b'a"\\@x', '"a\\"\\\\"@x'),
        (b"a..b@x", '"a..b"@x'),
        (b"@x", '""@x'),
        (b"@r1,@r2:a b@x", '@r1,@r2:"a b"@x'),
        ("jörg@x".encode(), "jörg@x"),
        (b"root", "root"),
        (b"a(b", '"a(b"'),
        (b"e\x1b[2J@x", '"e\x1b[2J"@x'),
    ],
)
def test_addresses_are_quoted_as_postqueue_quotes_them(spool: Path, raw: bytes, quoted: str) -> None:
    found = message(spool, queue_file(rec("S", raw) + rec("R", raw)))
    assert (found.sender, found.recipients[0].address) == (quoted, quoted)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "ends"),
        (b"\x00" * 5000, "too long|ends|no sender"),
        (b"not a queue file at all", "ends"),
        (queue_file(ENVELOPE)[:-20], "ends"),
        (queue_file(ENVELOPE)[:150], "ends"),
        (queue_file(rec("R", b"a@x")), "no sender"),
        (queue_file(ENVELOPE).replace(b"C\x5f ", b"C\x5f9", 1), "does not end where"),
        (rec("S", b"a@x") + rec("p", b"%15d" % 5), "circles"),
        (rec("T", b"1") + pointer(3), "circles"),
        (rec("S", b"a@x") + b"R\xff\xff\xff\xff\xff\xff", "too long"),
    ],
)
def test_damaged_files_say_so_and_keep_what_can_be_known(spool: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(record.Damaged, match=complaint) as caught:
        row(spool, data)
    found = Message.from_row(caught.value.row)
    assert (found.arrival, found.size, found.sender) == record.read_identity(str(spool / found.id))


def test_what_is_gone_or_no_file_is_an_error_of_the_system(spool: Path) -> None:
    with pytest.raises(FileNotFoundError):
        record.read_row(str(spool / "NONE"), "NONE", "hold")
    with pytest.raises(OSError, match="not a regular file"):
        record.read_identity(str(spool))


RECORDS = st.lists(st.tuples(st.sampled_from("CTSRDOAMXEpLNw/"), st.binary(max_size=20)))


@given(data=st.binary(max_size=300) | RECORDS.map(lambda records: b"".join(starmap(rec, records))))
def test_no_bytes_crash_the_decoder(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    spool = tmp_path_factory.mktemp("any")
    try:
        found = row(spool, data, data)
    except record.Damaged as damaged:
        found = damaged.row
    identity = Message.from_row(found).identity
    assert (identity.arrival, identity.size, identity.sender) == record.read_identity(str(spool / found[0]))


ADDRESS = st.binary(max_size=200)


@given(
    sender=ADDRESS,
    recipients=st.lists(st.tuples(ADDRESS, st.booleans()), max_size=5),
    content=st.binary(max_size=5000),
)
def test_what_was_encoded_is_what_is_decoded(
    tmp_path_factory: pytest.TempPathFactory,
    sender: bytes,
    recipients: list[tuple[bytes, bool]],
    content: bytes,
) -> None:
    before = rec("S", sender) + b"".join(rec("D" if done else "R", address) for address, done in recipients)
    found = message(tmp_path_factory.mktemp("round"), queue_file(before, content=content))
    plain = [(found.sender, False), *((r.address, r.done) for r in found.recipients)]
    assert len(plain) == len(recipients) + 1
    for (raw, done), (decoded, seen_done) in zip([(sender, False), *recipients], plain, strict=True):
        assert seen_done == done
        text = decoded.encode("utf-8", "surrogateescape")
        assert text in (raw, b"MAILER-DAEMON") or text.startswith((b'"', b"@")) or b'"' in text
