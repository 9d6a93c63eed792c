"""The queue files we make: named, placed and built as Postfix does it, and readable as what was written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.demo.letter import read
from mtatui.backends.demo.spool import HASH_DEPTH, HASH_NAMES, Spool, records
from mtatui.backends.demo.writer import Draft, To, encode, make_spool, quote, write
from mtatui.backends.postfix.spool.place import make_id
from mtatui.backends.postfix.spool.place import path as place
from mtatui.backends.postfix.spool.record import read_row

SAID = "host mx.dest.test[192.0.2.1] said: 452 4.2.2 Mailbox full (in reply to RCPT TO command)"

#: What a real Postfix 3.7.11 left of a message by SMTP with a recipient already served, record for record;
#: of one by sendmail(1); and of a notice by bounce(8). All up to the content.
BY_SMTP = """C T A=create_time A=log_ident A=rewrite_context S A=log_client_name A=log_client_address
A=log_client_port A=log_message_origin A=log_helo_name A=log_protocol_name A=client_name A=reverse_client_name
A=client_address A=client_port A=server_address A=server_port A=helo_name A=protocol_name
A=client_address_type A=dsn_orig_rcpt O R A=dsn_orig_rcpt O D M"""
BY_SENDMAIL = "C T A=create_time A=rewrite_context F S A=dsn_orig_rcpt O R M"
BY_BOUNCE = "C T A=create_time A=log_message_origin A=trace_flags S A=dsn_orig_rcpt O R M"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    make_spool(tmp_path / "spool")
    return Spool(str(tmp_path))


def shape(data: bytes) -> list[str]:
    """The types of the records, attributes with their names."""
    return [
        "A=" + value.partition(b"=")[0].decode() if kind == ord("A") else chr(kind)
        for kind, _, value in records(data)
    ]


def by_smtp(**fields: object) -> Draft:
    draft = Draft(
        [To("full@dest.test", SAID, "4.2.2"), To("ok@dest.test", done=True)],
        "a@example.test",
        arrival=1795366124.151498,
        subject="hello",
        body=b"Body line\n" + b"x" * 5000 + b"\nend\n",
        client_ip="203.0.113.5",
        client_name="client.example.test",
    )
    for name, value in fields.items():
        setattr(draft, name, value)
    return draft


def test_records_follow_each_other_as_in_a_real_file() -> None:
    data, _ = encode(by_smtp(), "26B8720C19E")
    envelope, _, content = " ".join(shape(data)).partition(" M ")
    assert envelope + " M" == " ".join(BY_SMTP.split())
    # The last lines: short, too long for one record, short; then the end.
    assert content.endswith("N N L L N N X E")


@pytest.mark.parametrize(
    ("sender", "real"), [("loc@example.test", BY_SENDMAIL), ("", BY_BOUNCE)], ids=["sendmail", "bounce"]
)
def test_mail_made_here_has_the_records_of_its_maker(sender: str, real: str) -> None:
    data, _ = encode(Draft([To("a@dest.test")], sender, arrival=1.0), "26B8720C19E")
    assert " ".join(shape(data)).startswith(real)


def test_the_size_record_tells_where_the_content_is() -> None:
    data, _ = encode(by_smtp(), "26B8720C19E")
    size, begin, count, flags, length, utf8 = map(int, data[2:97].split())
    assert data[begin - 2 : begin] == b"M\0"
    assert data[begin + size : begin + size + 2] == b"X\0"
    assert (count, flags, length, utf8) == (2, 0, size, 0)


def test_a_login_is_recorded_before_the_sender() -> None:
    names = shape(encode(by_smtp(sasl_user="bob"), "26B8720C19E")[0])
    assert names[4:8] == ["A=rewrite_context", "A=sasl_method", "A=sasl_username", "S"]


def test_addresses_beyond_ascii_ask_for_smtputf8() -> None:
    data, _ = encode(by_smtp(sender="jö@example.test"), "26B8720C19E")
    assert data[2:97].split()[-1] == b"7"  # requested, in a header, in the sender


def test_the_name_ends_in_the_inode_and_the_folder_follows_the_name(spool: Spool) -> None:
    id = write(spool.path, by_smtp())
    path = place(spool.path, "deferred", id, HASH_NAMES, HASH_DEPTH)
    assert int(id[5:], 16) == os.stat(path).st_ino
    assert int(id[:5], 16) == 151498
    assert os.path.exists(place(spool.path, "defer", id, HASH_NAMES, HASH_DEPTH))


def test_a_long_name_too(spool: Spool) -> None:
    id = write(spool.path, by_smtp(), long_id=True)
    assert (id[:6], id[10]) == ("4jXZlc", "z")
    assert os.path.exists(place(spool.path, "deferred", id, HASH_NAMES, HASH_DEPTH))


def test_long_ids_are_those_of_postfix() -> None:
    # Names that a real Postfix gave, its time and inode beside them.
    assert make_id(1795366189_470710, 2146468, long_id=True) == "4jXZms3L46zJ9Db"
    assert make_id(1795366124_158599, 2146718, long_id=False) == "26B8720C19E"


@pytest.mark.parametrize(
    ("state", "fields", "mode"),
    [
        ("deferred", {}, 0o700),
        ("hold", {"expired": True}, 0o710),
        ("corrupt", {"cut": 50}, 0o400),
        ("maildrop", {"client_ip": ""}, 0o744),
    ],
)
def test_modes_are_what_postfix_goes_by(
    spool: Spool, state: str, fields: dict[str, object], mode: int
) -> None:
    id = write(spool.path, by_smtp(state=state, **fields))
    info = os.stat(spool.place(state, id))
    assert stat.S_IMODE(info.st_mode) == mode
    assert "cut" not in fields or info.st_size == 50


def test_the_time_of_a_deferred_file_is_its_next_retry(spool: Spool) -> None:
    path = spool.place("deferred", write(spool.path, by_smtp(retry=1795399999.0)))
    assert os.stat(path).st_mtime == 1795399999.0


def test_the_defer_log_names_the_record_of_each_recipient(spool: Spool) -> None:
    draft = by_smtp(recipients=[To("ok@dest.test", done=True), To("a b@dest.test", SAID)])
    id = write(spool.path, draft)
    log = Path(spool.place("defer", id)).read_bytes()
    data = Path(spool.place("deferred", id)).read_bytes()
    offset = data.index(b"R\x0da b@dest.test")
    assert (
        log
        == (
            f'\n<"a b"@dest.test>: {SAID}\nrecipient="a b"@dest.test\noffset={offset}\n'
            f'dsn_orig_rcpt=rfc822;"a b"@dest.test\nstatus=4.2.2\naction=delayed\ndiag_type=smtp\n'
            f"diag_text=452 4.2.2 Mailbox full\nmta_type=dns\nmta_mname=mx.dest.test\nreason={SAID}\n\n"
        ).encode()
    )


def test_a_reason_cannot_forge_a_line_of_the_log(spool: Spool) -> None:
    id = write(spool.path, by_smtp(recipients=[To("a@dest.test", "450 no\n\nrecipient=evil@dest.test\0")]))
    assert b"reason=450 no??recipient=evil@dest.test?\n" in Path(spool.place("defer", id)).read_bytes()


def test_nothing_is_left_where_a_message_cannot_be_written(spool: Spool) -> None:
    with pytest.raises(ValueError, match="shorter"):
        write(
            spool.path,
            by_smtp(recipients=[To("a@dest.test", SAID)], state="hold", body=_Unwritable(b"never")),
        )
    assert os.listdir(f"{spool.path}/hold") == []


class _Unwritable(bytes):
    def removesuffix(self, _: object) -> bytes:
        raise ValueError("shorter than it says")


def test_the_reader_finds_what_was_written(spool: Spool) -> None:
    draft = by_smtp(sasl_user="bob", helo="[10.0.0.1]", content_filter="smtp:[127.0.0.1]:10024")
    id = write(spool.path, draft)
    log = spool.place("defer", id)
    row = read_row(spool.place("deferred", id), id, "deferred", logs=(log,))
    assert row[:3] == [id, "deferred", 1795366124]
    assert row[5:11] == [
        "a@example.test", "203.0.113.5", "client.example.test", "[10.0.0.1]", "bob", "smtp:[127.0.0.1]:10024",
    ]  # fmt: skip
    assert row[11] == [["full@dest.test", SAID, "4.2.2", 0, ""], ["ok@dest.test", "", "", 1, ""]]


_TEXT = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=300)
_BODY = st.lists(st.binary(max_size=5000).map(lambda b: b.replace(b"\n", b"")), max_size=5)


@given(sender=_TEXT, to=st.lists(_TEXT, min_size=1, max_size=4), reason=_TEXT, user=_TEXT, lines=_BODY)
def test_a_message_comes_back_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory,
    sender: str,
    to: list[str],
    reason: str,
    user: str,
    lines: list[bytes],
) -> None:
    home = tmp_path_factory.mktemp("home")
    make_spool(home / "spool")
    spool = Spool(str(home))
    body = b"".join(line + b"\n" for line in lines)
    draft = Draft(
        [To(address, reason) for address in to], sender, arrival=1795366124.5, headers=b"Subject: x\n",
        body=body, client_ip="203.0.113.5", sasl_user=user,
    )  # fmt: skip
    id = write(spool.path, draft)
    found = read(spool, id, spool.place("deferred", id))
    assert (found.draft.sender, found.draft.sasl_user, found.draft.arrival) == (sender, user, 1795366124.5)
    assert [waiting.address for waiting in found.waiting] == to
    assert {waiting.reason for waiting in found.waiting} == {reason.replace("\r", "?")}
    assert found.draft.headers.endswith(b"Subject: x\n")
    assert found.draft.body == body


@pytest.mark.parametrize(
    ("address", "quoted"),
    [
        (b"plain.name@dest.test", b"plain.name@dest.test"),
        (b"a b@dest.test", b'"a b"@dest.test'),
        (b'say "hi"@dest.test', b'"say \\"hi\\""@dest.test'),
        (b".dot@dest.test", b'".dot"@dest.test'),
        ("jö@dest.test".encode(), "jö@dest.test".encode()),
        (b"postmaster", b"postmaster"),
    ],
)
def test_addresses_are_quoted_as_postfix_quotes_them(address: bytes, quoted: bytes) -> None:
    assert quote(address) == quoted
