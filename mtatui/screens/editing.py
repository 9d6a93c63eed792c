"""Which editor a setting is edited in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from mtatui.screens.editors import ChoiceEditor, LineEditor, LoginEditor, Typed
from mtatui.screens.list_editor import ListEditor, ZonesEditor
from mtatui.settings.current import Current
from mtatui.settings.setting import Setting

if TYPE_CHECKING:
    from mtatui.backends.postfix.dnsbl import ZoneTest


def editor(
    setting: Setting, value: Any, current: Current, test_zone: Callable[[str], Awaitable[ZoneTest]]
) -> Screen[Typed]:
    """The editor that a setting's kind asks for."""
    match setting.kind.editor:
        case "zones":
            return ZonesEditor(setting, value, current, test_zone)
        case "list":
            return ListEditor(setting, value, current)
        case "choice":
            return ChoiceEditor(setting, value, current)
        case "login":
            return LoginEditor(setting, value, current)
        case _:
            return LineEditor(setting, value, current)
