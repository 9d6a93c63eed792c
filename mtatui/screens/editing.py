"""Which editor a setting is edited in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from textual.screen import Screen

from mtatui.screens.editors import ChoiceEditor, LineEditor, LoginEditor, Typed
from mtatui.screens.list_editor import ListEditor, Tested, ZonesEditor
from mtatui.screens.tolerance import ToleranceEditor
from mtatui.settings.current import Current
from mtatui.settings.setting import Setting
from mtatui.widgets.scale import Marks


def editor(
    setting: Setting,
    value: Any,
    current: Current,
    test: Callable[[str], Awaitable[Tested]],
    marks: Callable[[Any], Marks | None],
) -> Screen[Typed]:
    """The editor that a setting's kind asks for.

    Args:
        test: tries one of a list: a block list, a mirror, a file of signatures.
        marks: how the scale looks while the setting, a tolerance, is of some value.
    """
    match setting.kind.editor:
        case "zones":
            return ZonesEditor(setting, value, current, test)
        case "sources":
            return ListEditor(setting, value, current, test)
        case "list":
            return ListEditor(setting, value, current)
        case "choice":
            return ChoiceEditor(setting, value, current)
        case "login":
            return LoginEditor(setting, value, current)
        case "tolerance":
            return ToleranceEditor(setting, value, current, lambda percent: marks(percent) or Marks(0, 100))
        case _:
            return LineEditor(setting, value, current)
