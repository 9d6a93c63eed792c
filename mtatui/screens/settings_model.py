"""What the pages of settings show: the reading of a server, and what is staged over it. It draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mtatui.settings.catalogue import ALL, PAGES
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Choice, Kind, Restriction, Switch, Trial, Zones
from mtatui.settings.kinds_filters import Tolerance
from mtatui.settings.setting import Setting
from mtatui.settings.staged import Staged
from mtatui.text import clean
from mtatui.widgets.scale import Marks, share
from mtatui.widgets.settings_list import Row

_TRIALS = {
    Trial.OFF: ("○ off", "dim"),
    Trial.TRIAL: ("◐ trial", "warning"),
    Trial.ENFORCE: ("● enforce", ""),
}

#: The two tolerances, and what becomes of mail beyond the second.
_TAG, _KILL, _FATE = "filtering.spam_tag_percent", "filtering.spam_kill_percent", "filtering.spam_destiny"
_FATES = {"discard": "discarded", "pass": "passed on", "reject": "rejected", "bounce": "bounced"}


def shown(kind: Kind, value: Any) -> tuple[str, str]:
    """A value as the page shows it, and its role: a glyph *and* a word where it is a state."""
    if isinstance(kind, Restriction):
        return _TRIALS[value]
    if isinstance(kind, Switch):
        return ("● on", "") if value else ("○ off", "dim")
    if isinstance(kind, Choice) and value == "":
        return "– not said", "dim"
    text = clean(kind.show(value))
    return text, "dim" if text in ("–", "none") else ""


def _was(kind: Kind, value: Any) -> str:
    """A value as it is told beside the one that it shall become: shorter."""
    if isinstance(kind, Tolerance):
        return share(value)
    return shown(kind, value)[0].lstrip("●◐○–").strip()


class SettingsModel:
    """One server's settings. Whoever shows them is told when they change (``listeners``)."""

    def __init__(self) -> None:
        self.staged: Staged | None = None
        self.trouble = ""
        """Why nothing could be read."""
        self.trials: Mapping[str, object] = {}
        """What checks on trial would have refused, in words: by key, block lists by domain."""
        self.listeners: set[Callable[[], None]] = set()

    @property
    def reading(self) -> Reading | None:
        """What was read last; None before the server has answered."""
        return self.staged.reading if self.staged is not None else None

    @property
    def whole(self) -> bool:
        """Whether everything was read; what the filters say takes longer than what Postfix does."""
        return self.reading is not None and self.reading.current.keys() >= ALL.keys()

    @property
    def changes(self) -> Mapping[str, Any]:
        """What is staged, by key."""
        return self.staged if self.staged is not None else {}

    def take(self, reading: Reading) -> tuple[str, ...]:
        """Stand on a newer reading; the labels of what somebody else has changed otherwise meanwhile."""
        self.trouble = ""
        if self.staged is None:
            self.staged = Staged(reading)
            moved: tuple[str, ...] = ()
        else:
            moved = self.staged.rebase(reading)
        self.tell()
        return tuple(ALL[key].label for key in moved)

    def tell(self) -> None:
        """Something looks different now."""
        for listener in tuple(self.listeners):
            listener()

    def current(self, key: str) -> Current | None:
        """How a setting stands on the server, as far as that is known."""
        return self.reading.current.get(key) if self.reading is not None else None

    @property
    def trying(self) -> bool:
        """Whether anything is on trial on the server."""
        values = (current.value for current in self.reading.current.values()) if self.reading else ()
        return any(
            value is Trial.TRIAL
            or (isinstance(value, tuple) and any(getattr(one, "state", None) is Trial.TRIAL for one in value))
            for value in values
        )

    def trial(self, key: str) -> str:
        """What the log says of a check that is on trial on the server; "" where it is not."""
        current = self.current(key)
        value = current.value if current is not None else None
        if value is Trial.TRIAL:
            return str(self.trials.get(key, "")) or "nothing yet, as far as the mail log goes back"
        zones = value if isinstance(ALL[key].kind, Zones) and value is not None else ()
        names = [one.zone.partition("=")[0] for one in zones if one.state is Trial.TRIAL]
        return "; ".join(f"{name}: {self.trials.get(name.lower(), 'nothing yet')}" for name in names)

    def value(self, key: str) -> Any:
        """What it would be: as staged, else as it is."""
        assert self.staged is not None
        return self.staged.value(key)

    def scale(self, key: str, value: Any = None) -> Marks | None:
        """The scale on which a tolerance stands, with the other one on it; None for anything else.

        Args:
            value: what the tolerance may become; None for what it is.
        """
        known = [self.current(one) for one in (_TAG, _KILL)]
        if key not in (_TAG, _KILL) or any(one is None or one.unavailable for one in known):
            return None
        tag, kill = (self.value(one) if value is None or one != key else value for one in (_TAG, _KILL))
        fate = _FATES.get(self.value(_FATE), "stopped")
        return Marks(tag, kill, fate, "tag" if key == _TAG else "kill")

    def stage(self, key: str, value: Any) -> None:
        """Have a setting become a value."""
        assert self.staged is not None
        self.staged.stage(key, value)
        self.tell()

    def reset(self, *keys: str) -> None:
        """Forget what was staged for these settings, or for all."""
        if self.staged is not None:
            for key in keys or tuple(self.staged):
                self.staged.reset(key)
            self.tell()

    def in_words(self) -> Iterator[str]:
        """What is staged, one a line: ``Client must have a name: off → trial``."""
        for key in self.changes:
            kind = ALL[key].kind
            current = self.current(key)
            before = shown(kind, current.value)[0] if current is not None else "?"
            yield f"{ALL[key].label}: {before} → {shown(kind, self.value(key))[0]}"

    def rows(self, page: str, *, spaced: bool = False) -> list[Row]:
        """A page: sections and their controls, with a line between two sections where there is room."""
        rows: list[Row] = []
        section = ""
        for setting in PAGES[page].settings:
            if setting.section != section:
                if section and spaced:
                    rows.append(Row("", ""))
                section = setting.section
                rows.append(Row("", section))
            rows.append(self._row(setting))
        return rows

    def _row(self, setting: Setting) -> Row:
        current = self.current(setting.key)
        if self.staged is None or current is None:
            return Row(setting.key, setting.label, "…" if not self.trouble else "?", "dim")
        if current.unavailable:
            return Row(setting.key, setting.label, "– not here", "dim")
        text, role = shown(setting.kind, self.staged.value(setting.key))
        touched = setting.key in self.staged
        services = list(dict.fromkeys(override.service for override in current.overrides))
        note = f"≠ {clean(', '.join(services))}" if services else ""
        was = _was(setting.kind, current.value) if touched else ""
        if not touched and not current.explicit:
            role = "dim"
        return Row(setting.key, setting.label, text, "accent" if touched else role, was, touched, note)
