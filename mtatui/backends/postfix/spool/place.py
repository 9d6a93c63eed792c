"""Where the file of a queue ID lies, as Postfix works it out itself (``mail_queue.c``, ``dir_forest.c``), and
how a queue ID is made (``mail_queue.h``).

``hash_queue_names`` says which queues have folders of one character, ``hash_queue_depth`` how many levels.
A short ID is filed under its first characters; a long one under those of its microseconds in hexadecimal.
"""

import os
import re

#: mtatui's own directory inside the queue directory (root only; deleted messages stay there for a while).
TRASH = "mtatui/trash"

_LONG_ID_TIME = 10
_SHORT_ID_TIME = 5
_MICROSECONDS = 4
_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_BASE_52 = {char: value for value, char in enumerate(_DIGITS)}


def queue_names(text: str) -> "frozenset[str]":
    """The value of ``hash_queue_names`` as a set (commas or blanks between names, case does not matter)."""
    return frozenset(name.lower() for name in re.split(r"[,\s]+", text) if name)


def folder(state: str, id: str, hash_names: "frozenset[str]", hash_depth: int) -> str:
    """The folder of a queue ID inside the queue directory, with a slash at its end.

    Args:
        state: the queue (or ``defer``, ``bounce``), or ``trash``.
        hash_names: from `queue_names`.
        hash_depth: ``hash_queue_depth``.
    """
    if state == "trash":
        return TRASH + "/"
    if state not in hash_names:
        return state + "/"
    key = (_microseconds(id) or id)[:hash_depth].ljust(hash_depth, "_")
    return state + "/" + "/".join(key) + "/"


def path(queue_directory: str, state: str, id: str, hash_names: "frozenset[str]", hash_depth: int) -> str:
    """The full path of a queue file (or of its defer or bounce log)."""
    return os.path.join(queue_directory, folder(state, id, hash_names, hash_depth) + id)


def make_id(moment_us: int, inode: int, long_id: bool) -> str:
    """The queue ID for a moment (microseconds since the epoch) and an inode."""
    seconds, microseconds = divmod(moment_us, 1000000)
    if not long_id:
        return "%05X%X" % (microseconds, inode)
    return (
        _digits(seconds, 52).rjust(6, "0")
        + _digits(microseconds, 52).rjust(4, "0")
        + "z"
        + _digits(inode, 51)
    )


def another_id(id: str, moment_us: int) -> str:
    """The queue ID that the message of this one would have if it had come at another moment (microseconds
    since the epoch); it fits the inode where this one does."""
    if is_long(id):
        return make_id(moment_us, 0, True) + id.rpartition("z")[2]
    return make_id(moment_us, 0, False)[:_SHORT_ID_TIME] + id[_SHORT_ID_TIME:]


def is_long(id: str) -> bool:
    """Whether a queue ID is a long one, which is never used again."""
    return id.rfind("z") >= _LONG_ID_TIME


def fits(id: str, inode: int) -> bool:
    """Whether a queue ID ends as it must for an inode."""
    if is_long(id):
        return id.rpartition("z")[2] == _digits(inode, 51)
    return id[_SHORT_ID_TIME:] == "%X" % inode


def _digits(number: int, base: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits


def _microseconds(id: str) -> str:
    """The microseconds of a long queue ID, in hexadecimal as Postfix files it; "" for a short ID."""
    mark = id.rfind("z")
    if mark < _LONG_ID_TIME:
        return ""
    value = 0
    for char in id[mark - _MICROSECONDS : mark]:
        if char not in _BASE_52:
            return "00000"
        value = value * 52 + _BASE_52[char]
    return "%05X" % value
