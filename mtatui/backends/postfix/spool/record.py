"""Decoding of Postfix queue files, and of the defer and bounce logs that say why a message is still there.

A queue file is a sequence of records: a type byte, a length (seven bits a byte, the low ones first, the high
bit set on all but the last), data (``rec_type.h``, ``record.c``). The envelope comes first, then the content,
then what was extracted from the headers. Edited files have pointers to records further on, and back. The
content is not read where the size record says how long it is.

Text is decoded as UTF-8 with surrogate escapes: any byte survives, and who reads a row must clean it.
Addresses are quoted as ``postqueue`` and the logs quote them. Standard library only, Python 3.6 or newer.
"""

import os
import re
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    #: arrival, size, sender, attributes, content filter, recipients (offset, address, done, original), damage
    Envelope = Tuple[int, int, bytes, Dict[bytes, bytes], bytes, List[Tuple[int, bytes, int, bytes]], str]

#: Bounds against hostile or broken files: bytes of one text, of records outside the content, of a log.
TEXT_LIMIT = 2048
ENVELOPE_LIMIT = 4 * 1024 * 1024
LOG_LIMIT = 8 * 1024 * 1024
_JUMP_LIMIT = 20000
_NUMBER_LIMIT = 1 << 37
_LONGEST_HEADER = 6
_WRONG_SIZE = "its content does not end where its size record says"

#: What the first read takes: a whole small message, or the envelope of a large one.
FIRST_READ = 4096
_NEXT_READ = 65536

#: Never wait (a fifo), never follow a link that somebody laid into the queue.
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_ATOMS = rb"""[^\x00-\x20\x7f()<>@,;:\\"\[\].]+(?:\.[^\x00-\x20\x7f()<>@,;:\\"\[\].]+)*"""
_DOT_STRING = re.compile(_ATOMS + rb"\Z").match
_PLAIN_ADDRESS = re.compile(_ATOMS + rb"(?:@[^@]*)?\Z").match
#: What a log says in its usual form, all of it in one step: offset, status and reason of each block.
_LOG_BLOCKS = re.compile(
    r"\noffset=([0-9]{1,18})\n(?:.+\n)*?status=(.*)\n(?:.+\n)*?reason=(.*)",
).findall
_OLD_LOG_LINE = re.compile(r"<(.*?)>: +(.*)").match
_NOTHING_SAID = ("", "")


class Damaged(Exception):
    """The file makes no sense as a queue file. ``row`` holds what could be made out nevertheless."""

    def __init__(self, text: str, row: "list[Any]") -> None:
        super().__init__(text)
        self.row = row


def read_identity(path: str) -> "tuple[int, int, str]":
    """Arrival (epoch seconds, 0: not known), size of the content in bytes, and sender of a queue file.

    They are the same as in its row. A damaged file, too, has what could be made out, so that it still can be
    told from another.

    Raises:
        OSError: it cannot be read; FileNotFoundError: it is gone.
    """
    fd = os.open(path, OPEN_FLAGS)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(path + ": not a regular file")
        envelope = _envelope(fd, info.st_size, True)
        return envelope[0], envelope[1], _address(envelope[2])
    finally:
        os.close(fd)


def read_row(
    path: str, id: str, state: str, mtime: "int | None" = None, logs: "tuple[str, ...]" = ()
) -> "list[Any]":
    """The row of one message, as `mtatui.queue.message.ROW` and ``RECIPIENT`` have it.

    Args:
        mtime: what to put for the modification time, if not that of the file.
        logs: the paths of its defer and bounce logs, whether they are there or not.

    Raises:
        OSError: it cannot be read; FileNotFoundError: it is gone.
        Damaged: it makes no sense; the exception has a row with what could be made out.
    """
    fd = os.open(path, OPEN_FLAGS)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(path + ": not a regular file")
        row = row_of(fd, info, id, state, logs)
    finally:
        os.close(fd)
    if mtime is not None:
        row[4] = mtime
    return row


def row_of(fd: int, info: os.stat_result, id: str, state: str, logs: "tuple[str, ...]") -> "list[Any]":
    """The row of an open queue file; see `read_row`. In the trash, the time is that of its deletion."""
    arrival, size, sender, attributes, content_filter, recipients, damage = _envelope(fd, info.st_size, False)
    reasons: "dict[int | str, tuple[str, str]]" = {}
    for log in logs:
        try:
            reasons.update(read_log(log))
        except FileNotFoundError:
            continue
        except OSError as error:
            damage = damage or "its log %s cannot be read: %s" % (log, error.strerror)
    get = attributes.get
    raw = [
        sender if _PLAIN_ADDRESS(sender) else _quoted(sender),
        get(b"log_client_address") or get(b"client_address", b""),
        get(b"log_client_name") or get(b"client_name", b""),
        get(b"log_helo_name") or get(b"helo_name", b""),
        get(b"sasl_username", b""),
        content_filter,
    ]
    for _, address, _, original in recipients:
        raw.append(address if _PLAIN_ADDRESS(address) else _quoted(address) or b"MAILER-DAEMON")
        raw.append(_quoted(original) if original != address else b"")
    texts = _texts(raw)
    rows = []
    at = 6
    for offset, _, done, _ in recipients:
        to = texts[at]
        reason, status = reasons.get(offset) or reasons.get(to) or _NOTHING_SAID
        rows.append([to, reason, status, done, texts[at + 1]])
        at += 2
    ip = texts[1]
    if ip[:5] == "IPv6:":  # as RFC 5321 writes it
        ip = ip[5:]
    row = [
        id,
        state,
        arrival,
        size,
        max(0, info[stat.ST_CTIME if state == "trash" else stat.ST_MTIME]),
        texts[0],
        "" if ip == "unknown" else ip,
        *texts[2:6],
        rows,
    ]
    if damage:
        raise Damaged(damage, row)
    return row


def read_log(path: str) -> "dict[int | str, tuple[str, str]]":
    """What a defer or bounce log says: reason and DSN status, by the offset of the recipient's record in the
    queue file (or by its address, where there is no offset). The last word on a recipient counts.

    One block for each, the reason at its end, blank lines between them (``bounce_append_service.c``).

    Raises:
        OSError: it cannot be read; FileNotFoundError: there is none.
    """
    fd = os.open(path, OPEN_FLAGS)
    try:
        data = os.read(fd, FIRST_READ)
        if len(data) == FIRST_READ:
            data += os.pread(fd, LOG_LIMIT, FIRST_READ)
    finally:
        os.close(fd)
    text = data.decode("utf-8", "surrogateescape")
    found: "dict[int | str, tuple[str, str]]" = {}
    for offset, status, reason in _LOG_BLOCKS(text):
        found[int(offset)] = reason[:TEXT_LIMIT], status[:TEXT_LIMIT]
    if found and len(found) == text.count("\nreason="):
        return found
    for block in text.split("\n\n"):
        at = block.find("\nreason=")
        if at >= 0:
            said = block[at + 8 : at + 8 + TEXT_LIMIT], _line(block, "\nstatus=")
            offset = _line(block, "\noffset=")
            if offset.isdigit():
                found[int(offset)] = said
            else:
                found[_line("\n" + block, "\nrecipient=")] = said
        else:
            old = _OLD_LOG_LINE(block.strip())
            if old:
                found[old.group(1)] = old.group(2)[:TEXT_LIMIT], ""
    return found


def _line(block: str, name: str) -> str:
    """What a line of a log says; "" where there is none."""
    at = block.find(name)
    if at < 0:
        return ""
    at += len(name)
    end = block.find("\n", at)
    return block[at : min(end, at + TEXT_LIMIT) if end >= 0 else at + TEXT_LIMIT]


def _envelope(fd: int, file_size: int, identity_only: bool) -> "Envelope":
    """Read the envelope of an open queue file; with ``identity_only`` no further than the sender.

    One loop for all of it: Python's price is by the step, and a queue has hundreds of thousands of files.
    Size and arrival count only before the sender, so that an identity is the same by either way.
    """
    arrival = size = extracted = jumps = taken = 0
    size_known = sender_known = in_content = False
    sender = original = content_filter = b""
    attributes: "dict[bytes, bytes]" = {}
    recipients: "list[tuple[int, bytes, int, bytes]]" = []
    damage = ""

    wanted = FIRST_READ
    data = os.read(fd, wanted)
    base, at, limit = 0, 0, len(data)
    letters = b"chn_"  # the fifth of log_client_*, log_helo_*, client_*, helo_*, sasl_* and of few others
    while True:
        start = end = 0
        try:
            while True:
                kind = data[at]
                length = data[at + 1]
                if length < 128:
                    start = at + 2
                else:
                    length, start = _length(data, at + 1)
                end = start + length
                if kind == 65:  # A: name=value
                    if length > 9 and data[start + 4] in letters:
                        if end > limit:
                            break
                        name, _, value = data[start:end].partition(b"=")
                        attributes[name] = value
                        if name == b"log_client_name":
                            letters = b"ch_"  # and what says client_* is somebody in between
                    at = end
                    continue
                if end > limit:
                    break
                if kind == 82 or kind == 68:  # R: recipient still to do; D: done  # noqa: PLR1714  # faster
                    recipients.append((base + at, data[start:end], 1 if kind == 68 else 0, original))
                    original = b""
                elif kind == 79:  # O: original recipient of the next one
                    original = data[start:end]
                elif kind == 47:  # /: recipient that was cancelled
                    original = b""
                elif kind == 67:  # C: size of the content first
                    if not size_known and not sender_known:
                        size = _number(data[start:end])
                        size_known = size > 0
                elif kind == 84:  # T: arrival
                    if not arrival and not sender_known:
                        arrival = _number(data[start:end])
                elif kind == 83:  # S: sender
                    if not sender_known:
                        sender_known, sender = True, data[start:end]
                        if identity_only:
                            break
                elif kind == 76:  # L: content filter; in the content, a long line
                    if not in_content:
                        content_filter = data[start:end]
                elif kind == 77:  # M: the content begins
                    in_content = True
                    if size_known:
                        end += size
                        extracted = base + end
                        if end < limit and data[end] != 88:
                            damage = _WRONG_SIZE
                            break
                elif kind == 88:  # X: the records extracted from the headers begin
                    in_content = False
                elif kind == 112:  # p: go on elsewhere; 0: no
                    target = _number(data[start:end])
                    if target:
                        end = target - base
                        jumps += 1
                        if jumps > _JUMP_LIMIT:
                            damage = "its pointers go round in circles"
                            break
                        if end < 0:
                            at = end
                            break
                elif kind == 69:  # E: the end
                    break
                at = end
        except IndexError:
            kind, end = 0, at + _LONGEST_HEADER
        if kind == 69 or damage or (identity_only and sender_known):
            break
        # What comes next is not in the buffer, or not whole.
        if at == 0 and limit < wanted:
            damage = "it ends in the middle of a record"
            break
        base, wanted = base + at, max(end - at, _NEXT_READ)
        taken += wanted
        if taken > ENVELOPE_LIMIT:
            if size_known or not in_content:
                damage = "its envelope is too long to be read whole"
            break
        data = os.pread(fd, wanted, base)
        at, limit = 0, len(data)
        if not data:
            damage = "it ends before its end record"
            break
        if base == extracted and data[0] != 88:
            damage = _WRONG_SIZE
            break
    if not sender_known:
        damage = damage or "it has no sender"
    return (
        arrival,
        size if size_known else file_size,
        sender,
        attributes,
        content_filter,
        recipients,
        damage and "not a whole queue file: " + damage,
    )


def _length(data: bytes, at: int) -> "tuple[int, int]":
    """A length of several bytes, and where the data begins."""
    length = shift = 0
    while True:
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return length, at
        shift += 7
        if shift > 28:  # as record.c: no more bits than an int has
            return ENVELOPE_LIMIT, at


def _number(data: bytes) -> int:
    """The first number of a record, 0 where there is none or one out of all reason."""
    try:
        number = int(data[:64].split(None, 1)[0])
    except (IndexError, ValueError):
        return 0
    return number if 0 < number < _NUMBER_LIMIT else 0


def _texts(pieces: "list[bytes]") -> "list[str]":
    """All of them decoded: as one where that can be, for Python's price is by the step."""
    together = b"\n".join(pieces)
    if len(together) <= TEXT_LIMIT:
        try:
            texts = together.decode().split("\n")
        except UnicodeDecodeError:
            texts = []
        if len(texts) == len(pieces):
            return texts
    return [_text(piece) for piece in pieces]


def _text(data: bytes) -> str:
    try:
        return data[:TEXT_LIMIT].decode()
    except UnicodeDecodeError:
        return data[:TEXT_LIMIT].decode("utf-8", "surrogateescape")


def _address(raw: bytes) -> str:
    return _text(_quoted(raw))


def _quoted(raw: bytes) -> bytes:
    """An address as ``postqueue`` and the logs write it: the local part quoted where it must be
    (``quote_822_local.c``)."""
    if raw and not _PLAIN_ADDRESS(raw):
        raw = raw[:TEXT_LIMIT]
        route = raw.find(b":") + 1 if raw[:1] == b"@" else 0
        sign = raw.rfind(b"@", route)
        sign = len(raw) if sign < 0 else sign
        local = raw[route:sign]
        if not _DOT_STRING(local):
            raw = raw[:route] + b'"' + re.sub(rb'(["\\\r])', rb"\\\1", local) + b'"' + raw[sign:]
    return raw
