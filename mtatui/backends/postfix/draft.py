"""A draft: the configuration as it would be. Controls write into it; what differs in the end is the edits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mtatui.backends.filters.reading import Filters, Written
from mtatui.backends.host import File, HostError, Missing
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.kinds import Refused, Trial
from mtatui.settings.plan import Caution, Edit
from mtatui.text import clean


class Draft:
    """A configuration on its way from what was read to what is wanted."""

    def __init__(self, reading: PostfixReading) -> None:
        self.before = reading
        self.main: MainCf = reading.main
        self._filters = reading.filters
        self.written: dict[str, Written] = {}
        """Tables of ours, for Postfix."""
        self.beside: dict[str, Written] = {}
        """Files of the filters, where they are not what the filters themselves say."""
        self.turned: dict[Trial, list[str]] = {}
        """Checks and block lists that become off, go on trial, are enforced."""
        self.words: list[str] = []
        """What else it means, in sentences."""
        self.cautions: list[Caution] = []

    @property
    def after(self) -> PostfixReading:
        """The configuration as it would be."""
        return replace(self.before, main=self.main, filters=self._filters)

    @property
    def filters(self) -> Filters:
        """The filters beside Postfix, as they would be. Controls put changed ones in their place.

        Raises:
            Refused: they were not read.
        """
        if self._filters is None:
            raise Refused("the filters beside Postfix were not read yet")
        return self._filters

    @filters.setter
    def filters(self, filters: Filters) -> None:
        self._filters = filters

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
        """What differs: `edits_beside`, then `edits_of_postfix`.

        Raises:
            Refused: a file that would be changed may not be read.
        """
        return (*self.edits_beside(), *self.edits_of_postfix())

    def edits_of_postfix(self) -> tuple[Edit, ...]:
        """What differs of Postfix's: our own files first, so that none is missing when main.cf names it; and
        those that go, last."""
        edits = list(_edits(self.before.files, self.written))
        if self.main != self.before.main:
            edits += _edits(self.before.files, {self.before.main_path: Written(self.main.data)})
        return tuple(sorted(edits, key=lambda edit: (edit.after is None, edit.path == self.before.main_path)))

    def edits_beside(self) -> tuple[Edit, ...]:
        """What differs of the filters'; those that go, last."""
        before, after = self.before.filters, self._filters
        if before is None or after is None:
            return ()
        wanted = {**(after.written() if after is not before else {}), **self.beside}
        return tuple(sorted(_edits(before.files, wanted), key=lambda edit: edit.after is None))


def _edits(files: Mapping[str, File | HostError], wanted: Mapping[str, Written]) -> Iterator[Edit]:
    """The files that are not what they shall be.

    Raises:
        Refused: one may not be read: it cannot be put back.
    """
    for path, written in wanted.items():
        file = files.get(path)
        how = written.mode, written.secrets, written.owner
        if isinstance(file, File):
            if file.data != written.data:
                yield Edit(path, file.data, written.data, file.tag, *how)
        elif isinstance(file, HostError) and not isinstance(file, Missing):
            if written.data is not None:
                raise Refused(str(file))
        elif written.data is not None:
            yield Edit(path, None, written.data, None, *how)


def fit_for_a_line(text: str) -> str:
    """A text, if it can stand on one line of a configuration file: the last gate, whoever came by.

    Raises:
        Refused: it holds a line break or a control character.
    """
    if any(not c.isprintable() for c in text):
        raise Refused(f'"{clean(text)}" holds a character that cannot be in a configuration file')
    return text
