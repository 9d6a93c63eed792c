"""Settings against servers: what each of them has, and which of them has something else than the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtatui.backends.host import HostError
from mtatui.fleet.readings import readings
from mtatui.settings.catalogue import ALL

if TYPE_CHECKING:
    from mtatui.server import Server
    from mtatui.settings.current import Current, Reading
    from mtatui.settings.setting import Setting


@dataclass(frozen=True, slots=True)
class Cell:
    """A setting on one server."""

    current: Current | None
    """None where it is not known."""
    differs: bool = False
    """It has something else than most of the servers."""

    @property
    def known(self) -> bool:
        """Whether it can be compared: it was read, and can be set there."""
        return self.current is not None and (self.current.explicit or not self.current.unavailable)

    def show(self, setting: Setting) -> str:
        """The value in a few words; "–" where there is none."""
        return setting.kind.show(self.current.value) if self.known and self.current is not None else "–"


@dataclass(frozen=True, slots=True)
class Row:
    """A setting on every server."""

    setting: Setting
    cells: tuple[Cell, ...]
    differs: bool
    """The servers do not agree, and should: a name that is one server's own is not meant to be another's."""


@dataclass(frozen=True, slots=True)
class Column:
    """One server: what was read of it, or why it was not."""

    server: Server
    reading: Reading | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is set on several servers."""

    columns: tuple[Column, ...]

    def rows(self, settings: Iterable[Setting] = ALL.values(), *, differing: bool = False) -> list[Row]:
        """The settings, in their order; only those in which the servers differ, if that is wanted."""
        return [row for row in self._rows(settings) if row.differs or not differing]

    def _rows(self, settings: Iterable[Setting]) -> Iterator[Row]:
        readings = [column.reading for column in self.columns]
        for setting in settings:
            cells = [
                Cell(None if reading is None else reading.current.get(setting.key)) for reading in readings
            ]
            values = [cell.current.value for cell in cells if cell.known and cell.current is not None]
            agree = setting.of_one_server or all(value == values[0] for value in values)
            if not agree:
                usual = _usual(values)
                cells = [
                    Cell(
                        cell.current, cell.current is not None and cell.known and cell.current.value != usual
                    )
                    for cell in cells
                ]
            yield Row(setting, tuple(cells), not agree)


def _usual(values: Sequence[Any]) -> Any:
    """What most have; of several that are as frequent the first. Values need not be hashable."""
    return max(values, key=lambda value: sum(other == value for other in values))


async def read(servers: Sequence[Server], *, filters: bool = True) -> Matrix:
    """Read all servers at once, each in its own time.

    Args:
        filters: with the settings of the filters beside Postfix, which take longer.
    """
    keys = [key for key, setting in ALL.items() if filters or not setting.filters]
    return made(dict(await readings(servers, keys)))


def made(answers: Mapping[Server, Reading | HostError | None]) -> Matrix:
    """The matrix of what is known by now: None for a server that has not answered yet."""
    return Matrix(
        tuple(
            Column(server, trouble=str(answer)) if isinstance(answer, HostError) else Column(server, answer)
            for server, answer in answers.items()
        )
    )
