"""Reads and edits main.cf as text: what Postfix makes of it, and changes that leave every other byte alone.

What counts as a parameter, where its value ends and which of two assignments wins, is what postconf(5) and
Postfix's own source say (readllines, split_nameval, dict_load_fp). Values are not expanded here; see
`mtatui.backends.postfix.expand`. Nothing is read or written: bytes in, bytes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from mtatui.backends.postfix.logical import (
    SPACE,
    carries_text,
    decoded,
    encoded,
    lines_of,
    logical_lines,
    refuse_control_characters,
)

_NAME = re.compile(r"([^=\s#][^=\s]*)\s*=", re.ASCII)
_EMPTY = re.compile(r"^[^\s#=]+ =( ?)\r?$(?!\n[ \t])", re.ASCII | re.MULTILINE)
_IS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = value``, where it stands."""

    name: str
    value: str
    """What Postfix makes of it: one line, comments inside left out, ``$name`` not expanded."""
    raw: str
    """The exact text behind ``=``, line breaks and comments inside included, its last line end not."""
    line: int
    """Its first line, from 1."""
    last_line: int
    """The last line that carries some of its value."""


class _Edit(NamedTuple):
    """What an edited assignment was, and what is there now, in whole lines."""

    before: str
    after: str
    value: str
    """The old one."""


@dataclass(frozen=True)
class MainCf:
    """A main.cf. It does not change: every edit gives a new one."""

    text: str
    _edits: Mapping[str, _Edit] = field(default_factory=dict, repr=False, compare=False)
    """What was edited, by name: set back to its old value, a parameter gets its old layout back."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a file as it is; nothing in it is too odd to be kept."""
        return cls(decoded(data))

    @property
    def data(self) -> bytes:
        """The file: the very bytes that were parsed, but for the edits."""
        return encoded(self.text)

    # -- looking ---------------------------------------------------------------------------------------------

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """All of them, in the order of the file."""
        lines = self._lines
        return tuple(
            _assignment(match[1], line.parts, lines)
            for line in logical_lines(lines)
            if (match := _NAME.match(line.text))
        )

    @cached_property
    def mistakes(self) -> tuple[int, ...]:
        """Lines (from 1) that assign nothing: because of them no program of Postfix would start."""
        return tuple(line.first + 1 for line in logical_lines(self._lines) if not _NAME.match(line.text))

    def get(self, name: str) -> Assignment | None:
        """The assignment that counts, the last one; None where the default is at work."""
        return self._winners.get(name)

    def names(self) -> tuple[str, ...]:
        """What is set, each name once, in the order of the file."""
        return tuple(self._winners)

    def duplicates(self) -> dict[str, tuple[int, ...]]:
        """The lines (from 1) of what is assigned more than once; the last one counts."""
        found: dict[str, list[int]] = {}
        for assignment in self.assignments:
            found.setdefault(assignment.name, []).append(assignment.line)
        return {name: tuple(lines) for name, lines in found.items() if len(lines) > 1}

    @property
    def newline(self) -> str:
        """How this file ends its lines."""
        return "\r\n" if self._lines and self._lines[0].endswith("\r\n") else "\n"

    # -- editing ---------------------------------------------------------------------------------------------

    def set(self, name: str, value: str) -> Self:
        """Give a parameter a value: where it is assigned last, behind a comment that shows it, or at the end.

        Comments inside the old value stay. White space around the value is not part of it.

        Raises:
            ValueError: the name or the value cannot stand in main.cf, in words.
        """
        value = value.strip(SPACE)
        there = self.get(name)
        if there is not None and there.value == value:
            return self
        start, now, edit = self._edit_of(there) if there else (0, "", None)
        if edit is not None and edit.value == value:
            return self._edited(self.text[:start] + edit.before + self.text[start + len(edit.after) :])
        refuse_control_characters(value)
        value = decoded(encoded(value))
        if there is None:
            return self._insert(name, f" {value}" if value else "")
        raw = _with_value(there.raw, value, _gap(now[: len(now) - len(there.raw)]))
        return self._replace(there, self._empty(start) if raw == " " else raw)

    def set_raw(self, name: str, raw: str) -> Self:
        """Give a parameter the exact text behind its ``=``, which may go on over several lines.

        Raises:
            ValueError: it would not be the value of this parameter alone, in words.
        """
        refuse_control_characters(raw, "\t\n\r\f\v")
        for line in lines_of(raw)[1:]:
            if line[0] not in SPACE and line[0] != "#":
                raise ValueError("a line that continues a value must start with a blank")
        there = self.get(name)
        if there is None:
            return self._insert(name, raw)
        return self if there.raw == raw else self._replace(there, raw)

    def unset(self, name: str) -> Self:
        """Take away every assignment of a parameter. Comments stay, those inside its value too."""
        lines = list(self._lines)
        whole = not lines or lines[-1].endswith("\n")
        going = {
            part
            for line in logical_lines(lines)
            if (match := _NAME.match(line.text)) and match[1] == name
            for part in line.parts
        }
        if not going:
            return self
        text = "".join(line for index, line in enumerate(lines) if index not in going)
        if not whole and len(lines) - 1 in going:
            text = text.removesuffix("\n").removesuffix("\r")
        return self._edited(text)

    # -- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _lines(self) -> list[str]:
        return lines_of(self.text)

    @cached_property
    def _winners(self) -> dict[str, Assignment]:
        return {assignment.name: assignment for assignment in self.assignments}

    def _empty(self, near: int) -> str:
        """What stands behind ``=`` without a value: as close by in the file, or as postconf -e has it."""
        there = _EMPTY.finditer(self.text)
        nearest = min(there, key=lambda match: abs(match.start() - near), default=None)
        return nearest[1] if nearest else " "

    def _edit_of(self, there: Assignment) -> tuple[int, str, _Edit | None]:
        """Where an assignment starts in the text, its lines without the last end, and what we did to it."""
        start = sum(map(len, self._lines[: there.line - 1]))
        edit = self._edits.get(there.name)
        if edit is not None and not (
            self.text.startswith(edit.after, start)
            and self.text[start + len(edit.after) :][:2].removeprefix("\r")[:1] in ("", "\n")
        ):
            edit = None  # it is not as we left it
        return start, _body("".join(self._lines[there.line - 1 : there.last_line])), edit

    def _replace(self, there: Assignment, raw: str) -> Self:
        start, now, edit = self._edit_of(there)
        new = now[: len(now) - len(there.raw)] + raw
        if edit is None:
            edit = _Edit(now, now, there.value)
        edit = edit._replace(after=new + edit.after[len(now) :])
        text = self.text[:start] + new + self.text[start + len(now) :]
        return self._edited(text, {**self._edits, there.name: edit})

    def _insert(self, name: str, raw: str) -> Self:
        if not _IS_NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a parameter")
        lines = list(self._lines)
        at = self._shown_at(name)
        if at < len(lines) or not lines or lines[-1].endswith("\n"):
            lines.insert(at, f"{name} ={raw}{self.newline}")
        else:
            # A file without an end of its last line stays one.
            lines[-1] += "\n" if lines[-1].endswith("\r") else self.newline
            lines.append(f"{name} ={raw}")
        return self._edited("".join(lines))

    def _shown_at(self, name: str) -> int:
        """The index of the line behind the last comment that shows this parameter; else the end."""
        shows = re.compile(rf"#+[ \t]*{re.escape(name)}[ \t]*=")
        lines = self._lines
        follows = ""  # the next line with text: what starts with a blank must not come to continue ours
        for index in range(len(lines) - 1, -1, -1):
            if carries_text(lines[index]):
                follows = lines[index]
            elif shows.match(lines[index]) and not follows.startswith(tuple(SPACE)):
                return _end_of_comment(lines, index) + 1
        return len(lines)

    def _edited(self, text: str, edits: Mapping[str, _Edit] | None = None) -> Self:
        return type(self)(text, self._edits if edits is None else edits)


def _end_of_comment(lines: list[str], index: int) -> int:
    """The last line of a list that stands in a comment."""
    for end in range(index, len(lines) - 1):
        if not (lines[end].rstrip().endswith(",") and lines[end + 1].startswith(("# ", "#\t"))):
            return end
    return len(lines) - 1


def _body(text: str) -> str:
    """A text without its last line end."""
    return text.removesuffix("\n").removesuffix("\r")


def _assignment(name: str, parts: tuple[int, ...], lines: list[str]) -> Assignment:
    first, last = parts[0], parts[-1]
    # A name may stand alone on its line, and "=" on the next one with text.
    holder = next(part for part in parts if "=" in lines[part])
    raw = _body(lines[holder].partition("=")[2] + "".join(lines[holder + 1 : last + 1]))
    return Assignment(name, _value(raw), raw, first + 1, last + 1)


def _value(raw: str) -> str:
    first, *rest = lines_of(raw) or [""]
    text = "".join(line.removesuffix("\n") for line in (first, *filter(carries_text, rest)))
    return text.partition("\0")[0].strip(SPACE)


def _gap(left: str) -> str:
    """What stands between ``=`` and a value where nothing says otherwise: as in front of ``=``."""
    return " " if left.removesuffix("=").endswith((" ", "\t")) else ""


def _with_value(raw: str, value: str, gap: str) -> str:
    """A raw text with another value: where the first word of the old one stood; comments stay."""
    first, *rest = lines_of(raw) or [""]
    lines = [(first, bool(first.strip(SPACE))), *((line, carries_text(line)) for line in rest)]
    home = next((index for index, (_, text) in enumerate(lines) if text), 0)
    if value.startswith("#"):  # on a line of its own it would be a comment
        home = 0
    out, last = [], True
    for index, (line, text) in enumerate(lines):
        if last := index == 0 or not text or (index == home and bool(value)):
            out.append(_on_line(line, value, gap if index == 0 else "") if index == home else line)
    return "".join(out) if last else _body("".join(out))


def _on_line(line: str, value: str, gap: str) -> str:
    """A line with another text between its blanks; ``gap`` in front of it where there are none."""
    core = line.strip(SPACE)
    start = line.index(core) if core else len(line) - len(line.lstrip(" \t"))
    lead, tail = line[:start], line[start + len(core) :]
    return (lead if core else lead or gap) + value + tail
