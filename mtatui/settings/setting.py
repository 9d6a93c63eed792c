"""A setting: one declaration from which pages, command line, profiles, palette and documentation are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtatui.settings.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """One control. Its texts are for the person; what it does to files is the backend's business."""

    key: str
    """``page.name``: the name by which profiles and scripts know it, for ever."""
    label: str
    """What the page calls it: short, says what is so when it is on."""
    section: str
    kind: Kind
    help: str
    """What it does, in a sentence or two."""
    directive: str
    """The directive it writes; where it is a restriction, the restriction's own name."""
    manual: str = ""
    """Where its manual is: ``postconf(5) smtpd_helo_required``."""
    cost: str = ""
    """What it costs legitimate mail."""
    reply: str = ""
    """What the sender sees when it strikes: the SMTP reply, with placeholders in angle brackets."""
    needs: tuple[int, ...] = ()
    """The first version of Postfix that knows it."""
    of_one_server: bool = False
    """It says which server this is; a profile that is applied to others leaves it out."""
    filters: bool = False
    """It is read from the files of the daemons beside Postfix, which takes longer."""

    @property
    def page(self) -> str:
        """The id of its page."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """Its name on its page."""
        return self.key.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of settings: its id, its name, and its controls in the order in which they stand."""

    id: str
    label: str
    settings: tuple[Setting, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        """The headings of the page, in order."""
        return tuple(dict.fromkeys(setting.section for setting in self.settings))
