"""Stands in for postcat(1): shows the records of the demo's queue files as postcat.c does."""

from __future__ import annotations

import os
import re
import sys
import time

from mtatui.backends.demo.command import EX_FATAL, EX_OK, ID, Fatal, options_of
from mtatui.backends.demo.configuration import spool_of
from mtatui.backends.demo.spool import QUEUES, Broken, Spool, records

_USAGE = (
    "usage: postcat [-b (body text)] [-c config_dir] [-e (envelope records)] "
    "[-h (header text)] [-q (access queue)] [-v] [file(s)...]"
)
_NAMES = {
    "C": "message_size", "c": "queue_create_time", "F": "sender_fullname", "L": "content_filter",
    "S": "sender", "D": "done_recipient", "R": "recipient", "O": "original_recipient",
    "/": "canceled_recipient",
}  # fmt: skip
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")


def run(arguments: list[str]) -> int:
    """postcat(1): -b -e -h for the parts, -q for queue IDs, not paths, -v for the kinds of text."""
    options, names = options_of("postcat", arguments, "bc:ehqv", _USAGE, EX_FATAL)
    letters = {letter.strip("-") for letter, _ in options}
    parts = letters & set("beh") or set("beh")
    for name in names:
        path, shown = _in_queue(spool_of(options), name) if "q" in letters else (name, name)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Fatal(f"open {shown}: {error.strerror}") from error
        try:
            _print_message(data, shown, parts, verbose="v" in letters)
        except Broken as error:
            sys.stdout.flush()
            print(f"postcat: warning: {shown}: {error}", file=sys.stderr)
            raise Fatal("record read error") from error
    return EX_OK


def _in_queue(spool: Spool, id: str) -> tuple[str, str]:
    """Where a queue ID is, whole and from the queue directory on."""
    if not ID.fullmatch(id):
        raise Fatal(f"bad mail queue ID: {id}")
    for queue in QUEUES:
        path = spool.place(queue, id)
        if os.path.exists(path):
            return path, os.path.relpath(path, spool.path)
    raise Fatal(f"open queue file {id}: No such file or directory")


def _print_message(data: bytes, name: str, parts: set[str], verbose: bool) -> None:
    """The state machine of postcat.c: envelope, header, body, and what was extracted."""
    out = sys.stdout.buffer
    part, continued, begin = "e", False, 0
    if "e" not in parts and data[:1] == b"C":
        # Straight to the header, as postcat does: of a file that ends before it, nothing is said.
        part, begin = "h", int(data[2:].split()[1])

    def mark(text: str) -> None:
        if "e" in parts:
            out.write(f"*** {text} {name} ***\n".encode())

    mark("ENVELOPE RECORDS")
    for kind, _, value in records(data, begin):
        letter = chr(kind)
        if letter in "NL" and part != "e":
            if part == "h" and not continued and not _HEADER.match(value) and value[:1] not in (b" ", b"\t"):
                part = "b"
            if part in parts:
                label = (b"unterminated_text: " if letter == "L" else b"regular_text: ") if verbose else b""
                out.write(label + value + (b"\n" if letter == "N" or verbose else b""))
                continued = letter == "L" and not verbose
        elif letter == "M":
            mark("MESSAGE CONTENTS")
            part = "h"
        elif letter == "X":
            mark("HEADER EXTRACTED")
            part = "e"
        elif letter == "E":
            mark("MESSAGE FILE END")
            break
        elif "e" in parts:
            out.write(_envelope_line(letter, value.split(b"\0")[0]))
    out.flush()


def _envelope_line(letter: str, value: bytes) -> bytes:
    if letter == "T":
        return b"message_arrival_time: " + _asctime(value)
    if letter == "A":
        name, _, text = value.partition(b"=")
        if name == b"create_time":
            return b"create_time: " + _asctime(text)
        return b"named_attribute: " + name.strip() + b"=" + text.strip() + b"\n"
    return _NAMES.get(letter, "unknown_record_type").encode() + b": " + value + b"\n"


def _asctime(value: bytes) -> bytes:
    return time.asctime(time.localtime(int(value.split()[0]))).encode() + b"\n"
