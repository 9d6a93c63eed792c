"""The one door for text written by strangers: nothing passes that could steer a terminal or hide.

Sender, recipient, EHLO name, subject, remote reply: each may hold escape sequences, direction overrides,
invisible letters, or marks piled up without end. `clean` makes all of that visible. The rest of the module
lays clean text out in terminal cells (Unicode TR 11, and as `rich.cells` counts them), and says ages, sizes
and counts the way the screens do.
"""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"
#: Marks kept on one letter. Four is more than any living script piles up; a flood of them covers other rows.
MARKS = 4

_NARROW = str.maketrans({code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"})
_KEEPS_LINES = {code: shown for code, shown in _NARROW.items() if chr(code) not in "\n\t"}
# Runs that are neither letters, digits nor plain ASCII, and the letters that are drawn as nothing or join.
_SUSPECT = re.compile("(?:[^\\w\x20-\x7e]|[\u115f-\u11ff\ud7b0-\ud7fb\u3164\uffa0])+")
# Printable by category, and yet drawn as nothing at all (Default_Ignorable_Code_Point, blank Braille).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Where Unicode's own east-asian width is not what terminals (and rich) draw: joining Hangul and skin tones
# take no cell of their own, hexagrams and counting rods take two.
_NO_CELL = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb\U0001f3fb-\U0001f3ff]")
_TWO_CELLS = re.compile("[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d376]")


def clean(text: str, *, lines: bool = False) -> str:
    """The text with everything that steers, hides or overflows made visible; clean text comes back as it is.

    Control characters become their pictures (ESC is shown as ␛), bytes that were no UTF-8 (lone surrogates of
    ``surrogateescape``) become ``\\xNN``, other spaces a space, and what has no glyph (C1, bidi and other
    format characters, private and unassigned ones, invisible letters) a replacement mark.

    Args:
        lines: keep newlines and tabs.
    """
    if text.isascii():
        if text.isprintable():
            return text
        return text.translate(_KEEPS_LINES if lines else _NARROW)
    return _SUSPECT.sub(_shown_in_lines if lines else _shown, text)


def _shown_in_lines(run: re.Match[str]) -> str:
    return _shown(run, _KEEPS_LINES)


def _shown(run: re.Match[str], pictures: dict[int, str] = _NARROW) -> str:
    """A run of suspects as it may be shown. A mark needs a letter to sit on, or it would leave its column."""
    out: list[str] = []
    marks = MARKS if run.start() == 0 else 0
    for char in run[0]:
        code = ord(char)
        if char in "\ufe0e\ufe0f":  # asks for a heart in text or in colour: nothing lost without it
            continue
        if (marked := _width(char) == 0) and not _INVISIBLE.match(char) and char.isprintable():
            if marks < MARKS:
                out.append(char)
            elif marks == MARKS:
                out.append(REPLACEMENT)
            marks += 1
            continue
        marks = 0
        if code < 0x80:
            out.append(pictures.get(code, char))
            marks = MARKS if char in "\n\t" else 0
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable() and not marked and not _INVISIBLE.match(char):
            out.append(char)
        else:
            out.append(" " if unicodedata.category(char) == "Zs" else REPLACEMENT)
    return "".join(out)


def cells(text: str) -> int:
    """How many terminal cells clean text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if char < "\u0300":
        return 1
    if unicodedata.category(char)[0] == "M" or _NO_CELL.match(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" or _TWO_CELLS.match(char) else 1


def fit(text: str, width: int, align: str = "left", ellipsis: str = ELLIPSIS) -> str:
    """The text, cleaned, in exactly ``width`` cells: padded, or cut with an ellipsis.

    Args:
        align: "left" or "right": where the text stands when it is padded. It is always cut at its end.
    """
    text = clean(text)
    room = width - cells(text)
    if room < 0:
        ellipsis = _head(ellipsis, width)
        text = _head(text, width - cells(ellipsis)) + ellipsis
        room = width - cells(text)
    return " " * room + text if align == "right" else text + " " * room


def fit_address(address: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """An address in exactly ``width`` cells, cut where it tells least.

    The domain stays whole as long as a quarter of the room is left for the mailbox; a domain that is longer
    still loses its beginning, for its end says whose it is.
    """
    address = clean(address)
    local, at, domain = address.rpartition("@")
    if not at or cells(address) <= width or width < 8:
        return fit(address, width, ellipsis=ellipsis)
    share = min(cells(local), max(4, width // 4))
    room = width - 1 - share
    if (wide := cells(domain)) > room:
        domain = ellipsis + _tail(domain, room - cells(ellipsis))
    else:
        share = width - 1 - wide
    return fit(fit(local, share, ellipsis=ellipsis) + at + domain, width)


def wrap(text: str, width: int, limit: int = 0) -> list[str]:
    """Clean text in lines of at most ``width`` cells, broken between words where there are any.

    Args:
        limit: lines at most (0: all); the last one then ends in an ellipsis.
    """
    width = max(width, 1)
    out: list[str] = []
    for paragraph in clean(text, lines=True).expandtabs().split("\n"):
        rest = paragraph
        while cells(rest) > width:
            head = _head(rest, width) or rest[:1]
            if (space := head.rfind(" ")) > 0 and not rest[len(head) :].startswith(" "):
                head = head[:space]
            out.append(head.rstrip())
            rest = rest[len(head) :].lstrip()
            if limit and len(out) >= limit:
                return _ended(out, limit, width)
        out.append(rest)
    return _ended(out, limit, width) if limit and len(out) > limit else out


def _ended(lines: list[str], limit: int, width: int) -> list[str]:
    last = _head(lines[limit - 1], width - 1) + ELLIPSIS
    return [*lines[: limit - 1], last]


def _head(text: str, width: int) -> str:
    """As much of the beginning as fits, with the marks of its last letter."""
    if text.isascii():
        return text[: max(width, 0)]
    used = 0
    for index, char in enumerate(text):
        used += _width(char)
        if used > width:
            return text[:index]
    return text


def _tail(text: str, width: int) -> str:
    """As much of the end as fits, never beginning with a mark that lost its letter."""
    if text.isascii():
        return text[len(text) - max(width, 0) :]
    start = len(text)
    used = 0
    for index in range(len(text) - 1, -1, -1):
        size = _width(text[index])
        used += size
        if used > width:
            break
        if size:
            start = index
    return text[start:]


def ago(seconds: float) -> str:
    """A span of time, short: ``5d 2h``, ``9h``, ``4m``, ``now`` (below a minute, and for what is past)."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 24:
        return f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if hours and days < 100 else f"{days}d"


def size(number: float) -> str:
    """A number of bytes, short, by 1024: ``681 B``, ``1.1 K``, ``12 K``, ``41 M``."""
    if number < 1024:
        return f"{number:.0f} B"
    for unit in "KMGTP":
        number /= 1024
        if number < 9.95:
            return f"{number:.1f} {unit}"
        if number < 1023.5:
            break
    return f"{number:.0f} {unit}"


def count(number: int) -> str:
    """A count, grouped: ``12,431``."""
    return f"{number:,}"
