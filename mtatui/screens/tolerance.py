"""The editor of a tolerance: the scale of scores with both marks on it; one of them moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Static

from mtatui.screens.editors import Editor
from mtatui.screens.fields import Field, beside
from mtatui.settings.current import Current
from mtatui.settings.kinds import Refused
from mtatui.settings.setting import Setting
from mtatui.widgets.lines import Lines
from mtatui.widgets.scale import Marks, picture, share

#: Percent by which an arrow moves the mark, and an arrow with shift.
STEP, STRIDE = 1, 5


class Scale(Lines):
    """The picture; its keys move the mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", f"screen.step(-{STEP})", "Less", show=False),
        Binding("right", f"screen.step({STEP})", "More", show=False),
        Binding("shift+left,pagedown", f"screen.step(-{STRIDE})", "Less", show=False),
        Binding("shift+right,pageup", f"screen.step({STRIDE})", "More", show=False),
        Binding("up", "screen.level(1)", "Next level", show=False),
        Binding("down", "screen.level(-1)", "Level before", show=False),
        Binding("enter", "screen.finish", "OK", show=False),
    ]

    def __init__(self, marks: Callable[[], Marks]) -> None:
        super().__init__()
        self._marks = marks

    def line_count(self) -> int:
        return 3

    def draw(self, index: int, width: int) -> Strip:
        return self.line(picture(self._marks(), width)[index], width)

    def on_key(self, event: events.Key) -> None:
        """A digit begins a number of one's own."""
        if event.character and event.character.isdigit():
            screen = self.screen
            assert isinstance(screen, ToleranceEditor)
            screen.begin_to_type(event.character)
            event.stop()


class ToleranceEditor(Editor):
    """Arrows move the mark, up and down go through the named levels, digits type."""

    DEFAULT_CSS = """
    ToleranceEditor {
        & Scale { height: 3; margin-top: 1; }
        & #keys { color: $text-muted; margin-top: 1; }
        & .field { margin-top: 0; }
        & #said { margin-top: 0; }
        &:ansi #keys { color: ansi_default; text-style: dim; }
    }
    """
    AUTO_FOCUS = "Scale"

    def __init__(self, setting: Setting, value: Any, current: Current, marks: Callable[[Any], Marks]) -> None:
        """``marks`` says how the scale looks while this setting is of some value."""
        super().__init__(setting, value, current)
        self._marks = marks
        self._stands = value
        """Where the mark stands: what was typed last that holds."""

    def body(self) -> ComposeResult:
        yield self.about(self.setting.help)
        yield Scale(lambda: self._marks(self._stands))
        yield Static(Content(self._keys()), id="keys")
        yield beside("", Field(self.setting.kind.text(self.value)))
        yield self.said()

    def _keys(self) -> str:
        levels = " · ".join(f"{name} {share(percent)}" for name, percent in self._levels())
        return f"← → by {STEP} %   shift ← → by {STRIDE} %   digits type\n↑ ↓ {levels}"

    def _levels(self) -> list[tuple[str, float]]:
        """The levels that have a name, the strictest first."""
        levels: dict[str, float] = self.setting.kind.levels  # type: ignore[attr-defined]  # a tolerance has it
        return sorted(levels.items(), key=lambda level: level[1])

    def typed(self) -> Any:
        return self.setting.kind.parse(self.query_one(Field).value)

    def judge(self) -> None:
        super().judge()
        try:
            self._stands = self.typed()
        except Refused:
            return  # the mark stays where it was
        self.query_one(Scale).repaint()

    def mind(self, typed: Any) -> str:
        marks = self._marks(typed)
        if marks.kill < marks.tag:
            return "Mail is stopped before it would be marked."
        return super().mind(typed)

    def _move(self, percent: float) -> None:
        field = self.query_one(Field)
        field.value = share(min(max(percent, 0), 100))
        field.cursor_position = len(field.value)

    def begin_to_type(self, digit: str) -> None:
        """The number begins anew with a digit."""
        field = self.query_one(Field)
        field.value = digit
        field.cursor_position = 1
        field.focus()

    def action_step(self, percent: int) -> None:
        """To the next whole step."""
        self._move(round(self._stands) + percent)

    def action_level(self, step: int) -> None:
        """To the next level that has a name, in this direction."""
        levels = [percent for _, percent in self._levels()]
        beyond = [one for one in levels if (one - self._stands) * step > 0]
        if beyond:
            self._move(min(beyond) if step > 0 else max(beyond))

    def action_finish(self) -> None:
        """OK."""
        self.finish()

    def on_key(self, event: events.Key) -> None:
        """From the field up to the scale."""
        if event.key == "up" and self.focused is self.query_one(Field):
            self.query_one(Scale).focus()
            event.stop()
