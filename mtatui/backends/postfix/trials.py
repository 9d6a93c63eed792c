"""What checks on trial would have refused so far, by what smtpd(8) writes into the mail log about them.

A line names the reply and not the check, so it is known by the words of its reply, as the catalogue has them;
a block list is named in the line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from mtatui.queue.log import warned
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Restriction

_BLOCKED = re.compile(r"\d{3} [\d.]+ Service unavailable; [^\[]+\[.*?\] blocked using ([A-Za-z0-9.-]+)")
#: Words by which a reply is known besides those of the catalogue (smtpd_check.c).
_ALSO = {"inbound.reject_sender_login_mismatch": ("Sender address rejected: not logged in",)}


@dataclass(frozen=True, slots=True)
class Trials:
    """How often a check on trial has struck, since when and when last (epoch seconds)."""

    number: int
    first: float
    last: float

    def __str__(self) -> str:
        times = f"since {_when(self.first)}" if self.number > 1 else f"on {_when(self.first)}"
        last = f", the last {_when(self.last)}" if self.number > 1 else ""
        return f"{self.number:,} would have been refused {times}{last}"


def count(lines: Iterable[str], *, now: float | None = None) -> Mapping[str, Trials]:
    """The trials in lines of the mail log, by setting key, and by domain for block lists."""
    found: dict[str, Trials] = {}
    for line in lines:
        if (told := warned(line, now=now)) is None:
            continue
        at, reply = told
        blocked = _BLOCKED.match(reply)
        if blocked:
            names = [blocked[1].rstrip(".").lower()]
        else:
            names = [key for key, words in _words() if any(word in reply for word in words)]
        for name in names:
            so_far = found.get(name)
            found[name] = (
                Trials(so_far.number + 1, min(so_far.first, at), max(so_far.last, at))
                if so_far
                else Trials(1, at, at)
            )
    return found


@cache
def _words() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The words by which the reply of each check is known: the longest between two placeholders."""
    known = []
    for key, setting in ALL.items():
        if isinstance(setting.kind, Restriction) and setting.reply:
            parts = re.split(r"<[^>]*>", re.sub(r"^\d{3} \d\.\d+\.\d+ ", "", setting.reply))
            known.append((key, (max(parts, key=len).strip(" :;,[]"), *_ALSO.get(key, ()))))
    return tuple(known)


def _when(at: float) -> str:
    day = time.strftime("%d %b", time.localtime(at)).lstrip("0")
    return f"{day} {time.strftime('%H:%M', time.localtime(at))}"
