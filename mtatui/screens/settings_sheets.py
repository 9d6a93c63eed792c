"""What the sheets of the pages of settings say: the keys, and what the lint has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mtatui.screens.queue_sheets import Sheet, keys
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Finding
from mtatui.text import clean, wrap
from mtatui.verbs import on


def help(keymap: Mapping[str, str], width: int) -> Sheet:
    """The keys as they are bound now, and what the signs mean, in lines of so many cells."""
    own_first = sorted(on("settings"), key=lambda action: action.where != "settings")
    lines: Sheet = [[("Keys", "accent")], *keys(own_first, keymap, width)]
    lines += [[], [("Signs", "accent")]]
    for sign, role, text in _SIGNS:
        first, *rest = wrap(text, width - 16)
        lines.append([(f"  {sign:<14}", role), (first, "dim")])
        lines += [[(" " * 16 + line, "dim")] for line in rest]
    lines += [[], [("In the history", "accent")], *keys(on("history"), keymap, width)]
    return lines


_SIGNS = (
    ("● enforce", "", "Who does not pass is turned away."),
    ("◐ trial", "warning", "Nobody is turned away; the log counts who would be (warn_if_reject)."),
    ("○ off", "dim", "Not checked."),
    ("dim", "dim", "Nobody has said it: Postfix's own default."),
    ("• was …", "accent", "Touched here, not yet applied; p shows the plan."),
    (
        "≠ submission",
        "warning",
        "A service for which master.cf says otherwise: the page's value is not for it.",
    ),
)


#: Words in the names of findings that are written in capitals.
_CAPITALS = frozenset({"auth", "dns", "helo", "mx", "sasl", "tls"})


def called(finding: Finding) -> str:
    """A finding in a few words: ``AUTH without TLS``."""
    return " ".join(word.upper() if word in _CAPITALS else word for word in clean(finding.id).split("-"))


def findings(found: Iterable[Finding], width: int) -> Sheet:
    """What the lint has found, the gravest first, in lines of so many cells."""
    lines: Sheet = []
    for finding in sorted(found, key=lambda finding: not finding.grave):
        sign, role = ("✖", "danger") if finding.grave else ("!", "warning")
        lines.append([(f"{sign} {called(finding)}", role)])
        lines += [[(f"  {line}", "")] for line in wrap(clean(finding.text), width - 2)]
        mend = ALL.get(finding.setting)
        where = [f"mend it with: {mend.label} ({mend.key})"] if mend is not None else []
        where += [clean(finding.where)] if finding.where else []
        lines += [[(f"  {line}", "dim")] for text in where for line in wrap(text, width - 2)]
        lines.append([])
    return lines[:-1] or [[("Nothing is wrong as far as can be seen from here.", "dim")]]
