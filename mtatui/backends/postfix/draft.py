"""A draft: the configuration as it would be. Controls write into it; what differs in the end is the edits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mtatui.backends.host import File
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.kinds import Refused, Trial
from mtatui.settings.plan import Caution, Edit
from mtatui.text import clean


@dataclass(frozen=True, slots=True)
class Written:
    """A file of ours as it shall be; ``data`` None: it goes."""

    data: bytes | None
    mode: int = 0o644
    secrets: tuple[str, ...] = ()


class Draft:
    """A configuration on its way from what was read to what is wanted."""

    def __init__(self, reading: PostfixReading) -> None:
        self.before = reading
        self.main: MainCf = reading.main
        self.written: dict[str, Written] = {}
        self.turned: dict[Trial, list[str]] = {}
        """Checks and block lists that become off, go on trial, are enforced."""
        self.words: list[str] = []
        """What else it means, in sentences."""
        self.cautions: list[Caution] = []

    @property
    def after(self) -> PostfixReading:
        """The configuration as it would be."""
        return replace(self.before, main=self.main)

    @property
    def said(self) -> int:
        """How much was told so far."""
        return len(self.words) + sum(map(len, self.turned.values()))

    def set(self, name: str, value: str) -> None:
        """Have a parameter be a value. What Postfix takes by itself is not written down.

        Raises:
            Refused: the value cannot stand in main.cf.
        """
        if self.main.get(name) is None and value == (self.before.lookup(name) or ""):
            return
        if self._forgets(name, value):
            return
        try:
            self.main = self.main.set(name, value)
        except ValueError as error:
            raise Refused(f"{name} cannot be that: {error}") from None

    def set_raw(self, name: str, raw: str) -> None:
        """Have a parameter be what is written so, line breaks and comments in it included."""
        try:
            self.main = self.main.set_raw(name, raw)
        except ValueError as error:
            raise Refused(f"{name} cannot be that: {error}") from None

    def _forgets(self, name: str, value: str) -> bool:
        """Take away what we wrote down, where Postfix takes that value by itself; whether we did.

        What stands where we would put it and as we would write it, is ours.
        """
        there = self.main.get(name)
        default = self.before.defaults.get(name, "")
        own = value == default or not (value or self.before.expanded(default))
        if there is None or there.value == value or not own:
            return False
        without = self.main.unset(name)
        if without.set(name, there.value) != self.main:
            return False
        self.main = without
        return True

    def unset(self, name: str) -> None:
        """Have Postfix take its own value of a parameter again."""
        self.main = self.main.unset(name)

    def write(self, path: str, data: bytes | None, mode: int = 0o644, secrets: tuple[str, ...] = ()) -> None:
        """Have one of our own files hold this; None: it goes."""
        self.written[path] = Written(data, mode, secrets)

    def say(self, words: str) -> None:
        """Tell what it means, once."""
        if words not in self.words:
            self.words.append(words)

    def warn(self, text: str, *, grave: bool = False) -> None:
        """Warn of it, once."""
        caution = Caution(text, grave)
        if caution not in self.cautions:
            self.cautions.append(caution)

    def edits(self) -> tuple[Edit, ...]:
        """What differs: our own files first, so that none is missing when main.cf names it; and those that
        go, last."""
        edits = [
            edit
            for path, written in self.written.items()
            if (edit := self._edit(path, written)).before != edit.after
        ]
        if self.main != self.before.main:
            edits.append(self._edit(self.before.main_path, Written(self.main.data)))
        return tuple(sorted(edits, key=lambda edit: (edit.after is None, edit.path == self.before.main_path)))

    def _edit(self, path: str, written: Written) -> Edit:
        file = self.before.files.get(path)
        if isinstance(file, File):
            return Edit(path, file.data, written.data, file.tag, written.mode, written.secrets)
        return Edit(path, None, written.data, None, written.mode, written.secrets)


def fit_for_a_line(text: str) -> str:
    """A text, if it can stand on one line of a configuration file: the last gate, whoever came by.

    Raises:
        Refused: it holds a line break or a control character.
    """
    if any(not c.isprintable() for c in text):
        raise Refused(f'"{clean(text)}" holds a character that cannot be in a configuration file')
    return text
