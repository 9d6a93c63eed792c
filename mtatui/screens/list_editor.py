"""Editors of lists: add, remove, paste many, put in order; for block lists also try them.

What is good of what was pasted is taken; what is not, is said with its reason and stays in the field.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Button, Static

from mtatui.backends.host import HostError
from mtatui.screens.editors import Editor, Typed
from mtatui.screens.fields import Field, beside
from mtatui.screens.settings_model import shown
from mtatui.settings.current import Current
from mtatui.settings.kinds import Refused, Restriction, Trial, Zone
from mtatui.settings.setting import Setting
from mtatui.text import clean, fit
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import CursorLines, Piece

#: Refused ones that are named; the rest is counted.
NAMED = 3


class Tested(Protocol):
    """What came of trying one of a list."""

    @property
    def ok(self) -> bool:
        """Whether it does what it shall."""
        ...

    @property
    def text(self) -> str:
        """What it did, in words."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """One of a list: as it was, new, or about to go."""

    value: Any
    new: bool = False
    gone: bool = False
    note: str = ""
    role: str = ""


class Items(CursorLines):
    """The list itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x,delete,backspace", "screen.remove", "Remove", show=False),
        Binding("space", "screen.switch", "Switch", show=False),
        Binding("K,shift+up", "screen.shift(-1)", "Up", show=False),
        Binding("J,shift+down", "screen.shift(1)", "Down", show=False),
        Binding("t", "screen.test", "Test", show=False),
        Binding("a,slash", "screen.add", "Add", show=False),
        Binding("enter", "screen.done", "OK", show=False),
    ]

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__()
        self.items = list(items)

    def line_count(self) -> int:
        return len(self.items)

    def draw(self, index: int, width: int) -> Strip:
        item = self.items[index]
        sign, role = ("− ", "dim") if item.gone else ("+ ", "accent") if item.new else ("  ", "")
        pieces: list[Piece] = [(sign, role)]
        if isinstance(item.value, Zone):
            state, own = shown(Restriction(), item.value.state)
            pieces += [(fit(state, 11), "dim" if item.gone else own), (clean(item.value.zone), role)]
        else:
            pieces.append((clean(item.value), role))
        if item.gone:
            pieces.append(("   goes", "dim"))
        if item.note:
            pieces.append((f"   {item.note}", item.role))
        return self.line(pieces, width, self.cursor_role if index == self.cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([("  nothing yet" if index == 0 else "", "dim")], width)


class ListEditor(Editor):
    """A list of words."""

    DEFAULT_CSS = """
    ListEditor {
        & Items { margin-top: 1; }
        & #keys { color: $text-muted; }
        & #said { height: 3; margin-top: 0; }
        & #named { height: 1; margin-top: 1; }
        & #named Button { margin-left: 0; margin-right: 2; }
        &:ansi #keys { color: ansi_default; text-style: dim; }
    }
    """
    KEYS = "x remove · J K move · a add"

    def __init__(
        self,
        setting: Setting,
        value: Any,
        current: Current,
        test: Callable[[str], Awaitable[Tested]] | None = None,
    ) -> None:
        """``test`` tries one of the list, where that can be done."""
        super().__init__(setting, value, current)
        self._tries = test
        self.items = Items([Item(item) for item in value])
        self.named: dict[str, tuple[str, ...]] = getattr(setting.kind, "named", {})
        self._warned = False

    def body(self) -> ComposeResult:
        yield Static(Content(f"t test · {self.KEYS}" if self._tries else self.KEYS), id="keys")
        yield self.items
        if self.named:
            with Horizontal(id="named"):
                for number, name in enumerate(self.named):
                    yield answer(f"+ {name}", f"named-{number}")
        yield beside("Add ", Field(hint="one or many, then enter"))
        yield self.said()

    def begin(self) -> None:
        """As tall as the screen allows, so that nothing jumps when something is added."""
        self._fit()

    def on_resize(self) -> None:
        """Another height."""
        self._fit()

    def _fit(self) -> None:
        room = self.app.size.height * 7 // 10 - (9 if self.named else 7)  # as much as a dialog's body has
        self.items.styles.height = max(3, min(max(len(self.items.items), 8), room, 16))

    # -- what is typed

    def _words(self, text: str) -> list[str]:
        between = r"\s+" if self.setting.kind.editor == "sources" else r"[\s,;]+"  # URLs may hold commas
        return [word for word in re.split(between, text) if word]

    def _sorted_out(self, words: Iterable[str]) -> tuple[list[Any], list[str], list[str]]:
        """What can be added, what of it is there already, and what cannot be, each with why."""
        good: list[Any] = []
        there: list[str] = []
        bad: list[str] = []
        self._left = []
        have = {self._called(item.value) for item in self.items.items if not item.gone}
        for word in dict.fromkeys(words):
            try:
                value = self.setting.kind.item(word)  # type: ignore[attr-defined]  # kinds of lists have it
            except Refused as refused:
                bad.append(str(refused))
                self._left.append(word)
                continue
            (there if self._called(value) in have else good).append(value)
            have.add(self._called(value))
        return good, [self._called(value) for value in there], bad

    @staticmethod
    def _called(value: Any) -> str:
        """What makes two the same."""
        return value.zone.partition("=")[0] if isinstance(value, Zone) else str(value)

    def judge(self) -> None:
        good, there, bad = self._sorted_out(self._words(self.query_one(Field).value))
        said = [f"adds {', '.join(map(self._called, good))}"] if good else []
        said += [f"already there: {', '.join(there)}"] if there else []
        if bad:
            # The list holds all the same: what is refused is not in it.
            self.say("; ".join([*bad[:1], *said]) + ".", wrong=True)
        else:
            self.say(". ".join(said) or self._summary())

    def _summary(self) -> str:
        items = self.items.items
        new, gone = sum(item.new and not item.gone for item in items), sum(item.gone for item in items)
        parts = [f"{sum(not item.gone for item in items)} in the list"]
        parts += [f"{new} new"] if new else []
        parts += [f"{gone} go"] if gone else []
        return " · ".join(parts)

    def take(self, words: Iterable[str]) -> bool:
        """Add what is good; say what is not, and leave it in the field. Whether all was good."""
        good, there, bad = self._sorted_out(words)
        names = {self._called(value) for value in good}
        for at, item in enumerate(self.items.items):
            if item.gone and self._called(item.value) in names:  # it comes back
                self.items.items[at] = replace(item, gone=False)
                names.discard(self._called(item.value))
        self.items.items += [Item(value, new=True) for value in good if self._called(value) in names]
        left = " ".join(self._left)
        field = self.query_one(Field)
        with self.prevent(Field.Changed):
            field.value = left if left.isprintable() and len(left) < 500 else ""
        field.cursor_position = len(field.value)
        self._fit()
        self.items.repaint()
        self.items.move_to(len(self.items.items) - 1)
        said = [f"Took {len(good)}" if len(good) != 1 else f"Took {self._called(good[0])}"] if good else []
        said += [f"{len(there)} already there"] if there else []
        if bad:
            more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
            said.append(f"refused {len(bad)}: {'; '.join(bad[:NAMED])}{more}")
        self.say(" · ".join(said) or self._summary(), wrong=bool(bad))
        return not bad

    def pasted(self, text: str) -> None:
        """Many at once."""
        self.take(self._words(self.query_one(Field).value + " " + text))

    def entered(self) -> None:
        """Enter adds; on an empty line it is OK."""
        if self.query_one(Field).value.strip():
            self.take(self._words(self.query_one(Field).value))
        else:
            self.finish()

    @on(Button.Pressed, "#named Button")
    def _add_named(self, event: Button.Pressed) -> None:
        number = int((event.button.id or "named-0").removeprefix("named-"))
        self.take(list(self.named.values())[number])

    # -- what the list's keys do

    def action_remove(self) -> None:
        """What is new goes at once; what was there is marked, and comes back with the same key."""
        items, at = self.items.items, self.items.cursor
        if not items:
            return
        if items[at].new:
            del items[at]
            self.items.move_to(min(at, len(items) - 1))
        else:
            items[at] = replace(items[at], gone=not items[at].gone)
            self.items.move_to(at + 1)
        self.items.repaint()
        self.say(self._summary())

    def action_switch(self) -> None:
        """In a plain list: there, or not."""
        self.action_remove()

    def action_shift(self, step: int) -> None:
        """Up or down: order may mean something."""
        items, at = self.items.items, self.items.cursor
        if 0 <= at + step < len(items):
            items[at], items[at + step] = items[at + step], items[at]
            self.items.move_to(at + step)
            self.items.repaint()

    def action_test(self) -> None:
        """Try the one under the cursor, as the server would use it."""
        if self.items.items and self._tries is not None:
            self._test(self.items.items[self.items.cursor].value, self._tries)

    def _tried(self, value: Any) -> str:
        """What is tried of one."""
        return str(value)

    @work(group="test", exit_on_error=False)
    async def _test(self, value: Any, tries: Callable[[str], Awaitable[Tested]]) -> None:
        self._note(value, "asking …", "dim")
        try:
            test = await tries(self._tried(value))
        except (Refused, HostError) as error:
            self._note(value, "✖ not tested", "warning")
            self.say(str(error), wrong=True)
        else:
            self._note(value, "✔ works" if test.ok else "✖ does not work", "" if test.ok else "danger")
            self.say(test.text, wrong=not test.ok)

    def _note(self, value: Any, note: str, role: str) -> None:
        for at, item in enumerate(self.items.items):
            if self._called(item.value) == self._called(value):
                self.items.items[at] = replace(item, note=note, role=role)
        self.items.repaint()

    def action_add(self) -> None:
        """To the field."""
        self.query_one(Field).focus()

    def action_done(self) -> None:
        """OK."""
        self.finish()

    def on_key(self, event: events.Key) -> None:
        """From the field up into the list."""
        if event.key == "up" and self.focused is self.query_one(Field):
            self.items.focus()
            event.stop()

    def typed(self) -> Any:
        return tuple(item.value for item in self.items.items if not item.gone and not _off(item.value))

    def finish(self, id: str = "ok") -> None:
        """Answer with the list; what still stands in the field is taken first."""
        if self.query_one(Field).value.strip() and not self.take(self._words(self.query_one(Field).value)):
            return
        self.dismiss(Typed(self.typed()))

    def action_cancel(self) -> None:
        """Ask once more when something would be lost."""
        if not self._warned and self.typed() != tuple(self.value):
            self._warned = True
            self.say("esc once more forgets what you did here; enter keeps it.", wrong=True)
        else:
            self.dismiss(None)


def _off(value: Any) -> bool:
    """A block list that is off is none of the list."""
    return isinstance(value, Zone) and value.state is Trial.OFF


class ZonesEditor(ListEditor):
    """Block lists, in the order in which they are asked, each with its own state."""

    KEYS = "space off/trial/enforce · J K order · x remove · a add"

    def _tried(self, value: Any) -> str:
        return str(value.zone)

    def action_switch(self) -> None:
        """Off, trial, enforce."""
        items, at = self.items.items, self.items.cursor
        if items:
            zone: Zone = items[at].value
            items[at] = replace(
                items[at], value=zone._replace(state=Restriction().turned(zone.state)), gone=False
            )
            self.items.repaint()
            off = items[at].value.state is Trial.OFF
            self.say("Off: it goes from the list, and is not asked." if off else self._summary())
