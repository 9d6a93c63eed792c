"""What a person should know about the control under the cursor, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mtatui.settings.current import Current
from mtatui.settings.kinds import Restriction, Zones
from mtatui.settings.setting import Setting
from mtatui.text import clean
from mtatui.widgets.lines import Piece
from mtatui.widgets.text_view import Paragraph, TextView

#: Draws lines of so many cells.
Picture = Callable[[int], Sequence[Sequence[Piece]]]


class SettingHelp(TextView):
    """The pane beside the controls, or below them where it is narrow: then labels stand in a column."""

    def explain(
        self,
        setting: Setting,
        current: Current | None,
        trial: str,
        *,
        labelled: bool,
        picture: Picture | None = None,
    ) -> None:
        """Say what a control does, and how it stands on this server.

        Args:
            current: None while the server has not answered.
            trial: what the log says of its trial so far; "" where it says nothing.
            picture: what is easier seen than said.
        """
        self.show([*(column if labelled else _prose)(setting, current, trial, picture)])


def _prose(
    setting: Setting, current: Current | None, trial: str, picture: Picture | None
) -> Iterator[Paragraph]:
    yield Paragraph(setting.label, "strong")
    yield from _warnings(current)
    yield Paragraph(f"\n{setting.help}")
    if picture is not None:
        yield Paragraph("")
        yield Paragraph("", picture=picture)
    if setting.reply:
        yield Paragraph("\nThe sender sees", "dim")
        yield Paragraph(setting.reply)
    if setting.cost:
        yield Paragraph("\nCosts legitimate mail", "dim")
        yield Paragraph(setting.cost)
    if trial:
        yield Paragraph("\nTrial so far", "dim")
        yield Paragraph(trial)
    yield Paragraph("\nOn this server", "dim")
    for line in _standing(setting, current):
        yield Paragraph(line)
    if setting.manual:
        yield Paragraph(f"\nmanual: {setting.manual}", "dim")


def column(
    setting: Setting, current: Current | None, trial: str, picture: Picture | None = None
) -> Iterator[Paragraph]:
    """The text with its labels in a column."""
    for warning in _warnings(current):
        yield Paragraph(warning.text, warning.role, "mind")
    yield Paragraph(setting.help, label="does")
    if picture is not None:
        yield Paragraph("", label="scale", picture=picture)
    if setting.reply:
        yield Paragraph(setting.reply, label="sender sees")
    if setting.cost:
        yield Paragraph(setting.cost, label="costs")
    if trial:
        yield Paragraph(trial, label="trial")
    for number, line in enumerate(_standing(setting, current)):
        yield Paragraph(line, label="" if number else "here")
    if setting.manual:
        yield Paragraph(setting.manual, "dim", label="manual")


def _warnings(current: Current | None) -> Sequence[Paragraph]:
    """What must not be overlooked."""
    if current is None:
        return ()
    said = []
    if current.unavailable:
        said.append(Paragraph(f"Not here: {clean(current.unavailable)}", "warning"))
    for value in dict.fromkeys(override.value for override in current.overrides):
        those = [f"{one.service} ({one.where})" for one in current.overrides if one.value == value]
        said.append(Paragraph(clean(f"Not on {', '.join(those)}: there it is {value or 'empty'}"), "warning"))
    return said


def _standing(setting: Setting, current: Current | None) -> Iterator[str]:
    if current is None or current.unavailable:
        yield setting.directive
        return
    where = clean(current.where) or "main.cf"
    restriction = isinstance(setting.kind, Restriction | Zones)
    if not current.explicit:
        yield f"{setting.directive}: {'in no list' if restriction else 'not set'}"
    else:
        yield f"{where} ← {setting.directive}" if restriction else f"{setting.directive}: {where}"
    if current.note:
        yield clean(current.note)
    if not restriction:
        yield f"by default {setting.kind.show(current.default)}"
