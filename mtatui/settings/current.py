"""What a setting is on a server now, as a backend read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtatui.settings.setting import Setting


@dataclass(frozen=True, slots=True)
class Override:
    """A service to which the page's value does not apply, because it says otherwise itself."""

    service: str
    """As master.cf names it: ``submission``, ``127.0.0.1:10025``."""
    value: str
    """What it says, as it stands there."""
    where: str
    """``master.cf, line 17``."""


@dataclass(frozen=True, slots=True)
class Current:
    """A setting as it is."""

    value: Any
    """As its kind makes them; see `mtatui.settings.kinds`."""
    default: Any
    """What it would be if nobody had said anything."""
    explicit: bool = False
    """Somebody has said it."""
    where: str = ""
    """Where that stands, ``main.cf, line 12``; for a restriction with its list."""
    overrides: tuple[Override, ...] = ()
    note: str = ""
    """What must be known beside it: ``does nothing without smtpd_sender_login_maps``."""
    unavailable: str = ""
    """Why it cannot be set here, in words; "" where it can."""


#: What stands for a setting that was not read: see `Reading.current`.
NOT_READ = Current(None, None, unavailable="it was not read yet")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the lint has to say about the configuration as it works now."""

    id: str
    """Short and stable: ``open-relay``."""
    text: str
    """What is wrong, what it means and what to do, in one or two sentences."""
    grave: bool = False
    """Mail or the server is in danger now."""
    setting: str = ""
    """The key of the setting that mends it, if there is one."""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was read of one server at one moment."""

    server: str
    at: float
    """Epoch seconds."""
    current: Mapping[str, Current]
    """By setting key; without those of the filters, where they were not read."""
    findings: tuple[Finding, ...] = ()
    changed_outside: tuple[str, ...] = ()
    """Files that somebody changed by hand since our last entry in the history."""
    cost: float = 0.0
    """Seconds that reading took."""
    source: Any = field(default=None, repr=False, compare=False)
    """What the backends need to plan a change; nobody else's business."""

    def of(self, setting: Setting) -> Current:
        """What a setting is now; `NOT_READ` for one that was not read."""
        return self.current.get(setting.key, NOT_READ)
