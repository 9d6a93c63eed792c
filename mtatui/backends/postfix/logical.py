"""Logical lines of main.cf and master.cf, as Postfix puts them together (postconf(5), its readllines.c).

A line that starts with white space continues the one before, comments and blank lines between them or not;
nothing is put between the parts. Pure text: bytes are decoded so that any file comes back as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: White space to Postfix: that of ASCII.
SPACE = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """What Postfix takes for one line."""

    parts: tuple[int, ...]
    """Indices of the lines that carry its text; comments and blank lines between them are left out."""
    text: str
    """All of it, without line breaks; it ends where Postfix stops reading, at a NUL."""

    @property
    def first(self) -> int:
        """Index of its first line."""
        return self.parts[0]

    @property
    def last(self) -> int:
        """Index of its last line; comments and blank lines behind it are nobody's."""
        return self.parts[-1]


def decoded(data: bytes) -> str:
    """The text of a file; `encoded` gives the very bytes back, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text."""
    return text.encode("utf-8", "surrogateescape")


def lines_of(text: str) -> list[str]:
    """The lines with their ends; only a newline ends one."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def carries_text(line: str) -> bool:
    """Whether a line is neither blank nor a comment."""
    word = line.lstrip(SPACE)
    return bool(word) and not word.startswith("#")


def logical_lines(lines: Sequence[str]) -> list[LogicalLine]:
    """Put lines together. Text that starts with white space and continues nothing is no line of Postfix's."""
    found: list[list[int]] = []
    for index, line in enumerate(lines):
        if carries_text(line):
            if line[0] in SPACE and found:
                found[-1].append(index)
            else:
                found.append([index])
    whole = [
        LogicalLine(
            tuple(parts), "".join(lines[part].removesuffix("\n") for part in parts).partition("\0")[0]
        )
        for parts in found
    ]
    return [line for line in whole if line.text[:1] not in SPACE or not line.text]


def refuse_control_characters(text: str, allowed: str = "\t") -> None:
    """See that a text can stand in a configuration file.

    Raises:
        ValueError: it holds a line break or a control character, in words.
    """
    for char in text:
        code = ord(char)
        if (code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029)) and char not in allowed:
            what = "a line break" if char in "\n\r" else f"a control character (U+{code:04X})"
            raise ValueError(f"the value holds {what}, which cannot stand in a configuration file")
        if 0xD800 <= code < 0xDC80 or 0xDD00 <= code < 0xE000:
            raise ValueError("the value holds half a character, which cannot be written to a file")
