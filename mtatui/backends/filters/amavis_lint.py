"""What is wrong with amavis, or not as it seems: said on its page and by ``mtatui settings show``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtatui.backends.filters.amavis import Amavis
from mtatui.backends.filters.amavis_postfix import knows_clients
from mtatui.backends.filters.amavis_values import checks_spam, checks_viruses
from mtatui.settings.current import Finding
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.filters.reading import Filters
    from mtatui.backends.postfix.reading import PostfixReading

_TAG, _KILL = "filtering.spam_tag_percent", "filtering.spam_kill_percent"
_VIRUS = "filtering.antivirus"


def findings(reading: PostfixReading, amavis: Amavis) -> Iterator[Finding]:
    """All of it."""
    if amavis.trouble:
        if amavis.broken:
            yield Finding(
                "amavis-broken", f"{amavis.trouble}. It would not start again like this.", grave=True
            )
        return
    if not amavis.used(reading):
        host, port = amavis.listens
        yield Finding(
            "amavis-unasked",
            "amavis is installed, but no mail goes through it: nothing in Postfix names it. "
            f"content_filter = smtp-amavis:[{host or '127.0.0.1'}]:{port or 10024} in main.cf does it, with "
            "the transport smtp-amavis and the way back (127.0.0.1:10025) in master.cf: README.postfix of "
            "amavis has both.",
        )
    else:
        yield from _unchecked(reading, amavis)
    yield from _of_files(amavis)
    tag, kill = (_number(amavis.get(name)) for name in ("$sa_tag2_level_deflt", "$sa_kill_level_deflt"))
    if tag is not None and kill is not None and tag > kill and checks_spam(amavis.values):
        yield Finding(
            "tag-above-kill",
            f"Mail is stopped from {kill:g} points on, before it would be marked ({tag:g}): nobody ever sees "
            "marked spam.",
            setting=_TAG,
        )
    if amavis.get("$final_spam_destiny") == "-2" and checks_spam(amavis.values):
        yield Finding("spam-bounces", f"Spam {_BACKSCATTER}", setting="filtering.spam_destiny")
    if amavis.get("$final_virus_destiny") == "-2" and checks_viruses(amavis.values):
        yield Finding("virus-bounces", f"Mail with a virus {_BACKSCATTER}", setting="filtering.virus_destiny")
    if reading.filters is not None and checks_viruses(amavis.values):
        yield from _scanner(amavis, reading.filters)


_BACKSCATTER = (
    "is sent back to its sender, who is forged nearly always: strangers get it, and block lists take this "
    "server up for it."
)


def _unchecked(reading: PostfixReading, amavis: Amavis) -> Iterator[Finding]:
    if not checks_viruses(amavis.values):
        where = amavis.place("@bypass_virus_checks_maps")
        yield Finding(
            "antivirus-off",
            "Mail goes through amavis, but nothing is looked for viruses"
            + (" (Debian has it so until somebody changes it)." if "20-package" in where else "."),
            setting=_VIRUS,
            where=where,
        )
    if not checks_spam(amavis.values):
        where = amavis.place("@bypass_spam_checks_maps")
        yield Finding(
            "antispam-off",
            "Mail goes through amavis, but it is not scored: no spam is found"
            + (" (Debian has it so until somebody changes it)." if "20-package" in where else "."),
            setting="filtering.check_outgoing",
            where=where,
        )
    elif not knows_clients(reading, amavis):
        yield Finding(
            "amavis-no-xforward",
            "amavis does not learn which client a message came from: smtp_send_xforward_command=yes is "
            "missing at its transport in master.cf, and all mail seems to come from this server.",
            setting="filtering.check_outgoing",
        )


def _of_files(amavis: Amavis) -> Iterator[Finding]:
    if not amavis.was.intact:
        yield Finding(
            "amavis-own-changed",
            f"{clean(amavis.stands_at)} was changed by hand; mtatui drops those changes when it writes it.",
            where=clean(amavis.stands_at),
        )
    if amavis.stands_at and amavis.stands_at != amavis.own_path:
        later = [_name(path) for path in amavis.files if path > amavis.stands_at]
        yield Finding(
            "amavis-read-later",
            f"{', '.join(map(clean, later)) or 'Another file'} is read after {_name(amavis.stands_at)} and "
            f"goes before it; with the next change it becomes {_name(amavis.own_path)}.",
            where=clean(amavis.stands_at),
        )


def _scanner(amavis: Amavis, filters: Filters) -> Iterator[Finding]:
    """Whether what amavis asks is there, and may read what it is asked about."""
    if filters.clamd is None or filters.clamd.trouble:
        if not any(entry[:1] == ["ClamAV-clamd"] for entry in amavis.get("av") or ()):
            return  # another scanner
        yield Finding(
            "no-clamd",
            "amavis asks clamd for viruses, but no clamd is set up here: mail waits (Debian: apt install "
            "clamav-daemon).",
            grave=True,
            setting=_VIRUS,
        )
        return
    conf = filters.clamd.conf
    asked = socket_of(amavis)
    listens = conf.get("LocalSocket") or ""
    if asked.startswith("/") and listens and _same_place(asked) != _same_place(listens):
        yield Finding(
            "clamd-elsewhere",
            f"amavis asks clamd at {clean(asked)}, but it listens at {clean(listens)}: mail waits, or a "
            "slower scanner is started for each message.",
            grave=True,
            setting=_VIRUS,
            where=amavis.place("@av_scanners"),
        )
    user, group = conf.get("User") or "root", amavis.get("$daemon_user") or "amavis"
    if user not in ("root", group) and amavis.groups and user not in amavis.groups.get(group, ()):
        yield Finding(
            "clamd-not-in-group",
            f"clamd runs as {clean(user)}, who is not in the group {clean(group)}: it may not read what "
            f"amavis gives it, and mail waits. adduser {clean(user)} {clean(group)}, then restart clamd.",
            grave=True,
            setting=_VIRUS,
        )


def socket_of(amavis: Amavis) -> str:
    """Where amavis asks clamd; "" where it does not."""
    for entry in amavis.get("av") or ():
        if isinstance(entry, list) and len(entry) > 2 and entry[1] == "CODE" and isinstance(entry[2], list):
            places = entry[2][1:]
            if "clam" in str(entry[0]).lower() and places and isinstance(places[0], str):
                return places[0]
    return ""


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _same_place(path: str) -> str:
    """``/var/run`` is ``/run`` today."""
    return path.removeprefix("/var") if path.startswith("/var/run/") else path


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
