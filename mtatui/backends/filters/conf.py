"""The text of clamd.conf, freshclam.conf and opendkim.conf: a name and a value on each line.

What is not changed stays byte for byte: order, comments, blanks, line ends, bytes that are no UTF-8. Sources:
clamd.conf(5), freshclam.conf(5), ClamAV's common/optparser.c; opendkim.conf(5), opendkim's config.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SETTING = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9_-]*)(?:[ \t]+(.*))?")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class Said:
    """One line that sets something."""

    name: str
    value: str
    """Without the quotes around it."""
    line: int
    """From 1 on."""


@dataclass(frozen=True, slots=True)
class Conf:
    """Such a file. Names are compared without regard to case."""

    text: str
    comments_anywhere: bool = False
    """``#`` begins a comment wherever it stands (opendkim), not only at the begin of a line (ClamAV)."""

    @classmethod
    def parse(cls, data: bytes, *, comments_anywhere: bool = False) -> Conf:
        """What is in a file."""
        return cls(data.decode("utf-8", "surrogateescape"), comments_anywhere)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def said(self) -> tuple[Said, ...]:
        """Everything it sets, in order."""
        found = []
        for number, line in enumerate(_LINE.findall(self.text), 1):
            said = self._said(line, number)
            if said is not None:
                found.append(said)
        return tuple(found)

    def all(self, name: str) -> tuple[str, ...]:
        """All values of what may be said more than once."""
        return tuple(said.value for said in self.said if said.name.lower() == name.lower())

    def get(self, name: str) -> str | None:
        """The value; the first where it is said more than once, as ClamAV takes it. None: not said."""
        return next(iter(self.all(name)), None)

    def yes(self, name: str, default: bool) -> bool:
        """A switch."""
        value = (self.get(name) or "").lower()
        return True if value in _YES else False if value in _NO else default

    def line(self, name: str) -> int:
        """The line on which it is said first; 0 for none."""
        return next((said.line for said in self.said if said.name.lower() == name.lower()), 0)

    def set(self, name: str, value: str) -> Conf:
        """Have it said once: where it is said first, or after the line that has it commented out, or at the
        end.

        Raises:
            ValueError: such a file cannot hold the value.
        """
        return self.set_all(name, (value,))

    def set_all(self, name: str, values: tuple[str, ...]) -> Conf:
        """Have it said so many times, in this order; lines that stay as they are, are not touched.

        Raises:
            ValueError: such a file cannot hold one of the values.
        """
        if values == self.all(name):
            return self
        new = [f"{name} {self._rendered(value)}" for value in values]
        lines = _LINE.findall(self.text)
        places = [said.line - 1 for said in self.said if said.name.lower() == name.lower()]
        end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        if not places:
            at = self._home(name, lines)
            if at and lines[at - 1][-1:] != "\n":
                lines[at - 1] += end
            lines[at:at] = [text + end for text in new]
            return Conf("".join(lines), self.comments_anywhere)
        kept: list[str] = []
        for number, line in enumerate(lines):
            if number not in places:
                kept.append(line)
            elif new:
                kept.append(new.pop(0) + end)
                if number == places[-1]:
                    kept += [text + end for text in new]
        return Conf("".join(kept), self.comments_anywhere)

    def unset(self, name: str) -> Conf:
        """Have it not said at all; comments stay."""
        return self.set_all(name, ())

    # -- inside ----------------------------------------------------------------------------------------------

    def _said(self, line: str, number: int) -> Said | None:
        text = line.rstrip("\r\n")
        if self.comments_anywhere:
            text = text.partition("#")[0]
        match = _SETTING.fullmatch(text.rstrip(" \t"))
        if match is None:
            return None
        value = match[2] or ""
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        return Said(match[1], value, number)

    def _home(self, name: str, lines: list[str]) -> int:
        """Where a line about something that is not said yet goes: after the one that has it commented out."""
        commented = re.compile(rf"[ \t]*#[ \t]*{re.escape(name)}(?:[ \t\r\n]|$)", re.IGNORECASE)
        found = [number for number, line in enumerate(lines) if commented.match(line)]
        return found[-1] + 1 if found else len(lines)

    def _rendered(self, value: str) -> str:
        """A value as it can stand in the file.

        Raises:
            ValueError: it cannot.
        """
        plain = value.isprintable() and value == value.strip(" ") and value and '"' not in value
        if not plain or (self.comments_anywhere and "#" in value):
            raise ValueError(f"a configuration file of this kind cannot hold {value!r}")
        return value
