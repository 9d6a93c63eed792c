"""clamd, which looks for viruses: where it listens, and what it counts as one.

Sources: clamd(8), clamd.conf(5); how it really behaves was tried with 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters, Written, first
from mtatui.backends.host import File, Host
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Finding
from mtatui.settings.plan import Care, Command, Probe

#: Seconds that it may take to load its signatures: some 9 million, on a small machine.
LOADS = 180.0
_QUICK = 20.0
#: What no signature may find anything in: a message as everybody gets them.
ORDINARY = """\
Received: from mail.example.org (mail.example.org [192.0.2.1])
\tby mx.example.net (Postfix) with ESMTPS id 4d2XyZ1
\tfor <anna@example.net>; Mon, 05 Jan 2026 10:00:00 +0000
From: Berta <berta@example.org>
To: anna@example.net
Subject: Tuesday
Date: Mon, 05 Jan 2026 10:00:00 +0000
Message-ID: <20260105100000.1@example.org>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=-1"

--=-1
Content-Type: text/plain; charset=utf-8

Hello Anna, shall we meet on Tuesday? https://www.example.org/

--=-1
Content-Type: text/html; charset=utf-8

<html><body><p>Hello Anna, shall we <a href="https://www.example.org/">meet</a> on Tuesday?</p></body></html>

--=-1--
"""


@dataclass(frozen=True)
class Clamd:
    """clamd as it is configured, or would be."""

    path: str
    conf: Conf
    trouble: str = ""
    """Why it cannot be read, in words."""

    @property
    def probe(self) -> Probe | None:
        """Where it must answer; None where it listens nowhere."""
        socket = self.conf.get("LocalSocket")
        if socket:
            return Probe("clamd", "clamd", socket, 0)
        port = self.conf.get("TCPSocket") or ""
        if not port.isdigit():
            return None
        host = self.conf.get("TCPAddr") or "127.0.0.1"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104  # to ask it
        return Probe("clamd", "clamd", host, int(port))

    @property
    def log(self) -> tuple[str, ...]:
        """Where it writes its log itself."""
        return tuple(filter(None, (self.conf.get("LogFile"),)))

    def set(self, name: str, value: str) -> Clamd:
        """Have something be a value."""
        return replace(self, conf=self.conf.set(name, value))

    # -- as a component ----------------------------------------------------------------------------------

    def written(self) -> Mapping[str, Written]:
        """Its own file."""
        return {} if self.trouble else {self.path: Written(self.conf.data)}

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterator[Care]:
        """It is restarted for its own file, and loads its signatures anew where those change."""
        unit = filters.units.get("clamd")
        if self.path in edited:
            check = Command(
                ("clamd", f"--config-file={{file:{self.path}}}", "--version"),
                timeout=_QUICK, refuses=r"^ERROR",
            )  # fmt: skip
            yield Care(
                "clamd",
                checks=(check,),
                running=unit.running if unit else None,
                take=(unit.command("restart"),) if unit else (),
                probe=self.probe,
                patience=LOADS,
                logs=self.log,
                words="" if unit else "Restart clamd: nobody here knows how it was started.",
            )
        elif filters.freshclam is not None:
            below = f"{filters.freshclam.databases}/"
            signatures = [path for path, data in edited.items() if path.startswith(below)]
            if signatures:
                yield self._reloads([path for path in signatures if edited[path] is not None], unit)

    def _reloads(self, new: list[str], unit: Unit | None) -> Care:
        tries = tuple(
            Command(
                ("clamscan", "--no-summary", f"--database={{file:{path}}}", "-"),
                timeout=LOADS, input=ORDINARY, refuses=r"^(LibClamAV )?(ERROR|Error)|FOUND$",
            )
            for path in new
        )  # fmt: skip
        return Care(
            "clamd",
            checks=tries,
            running=unit.running if unit else None,
            take=(_load(unit),) if unit else (),
            back=(unit.command("start"), replace(_load(unit), awaits="", refuses="")) if unit else (),
            probe=self.probe,
            patience=LOADS,
            logs=self.log,
            words="" if unit else "Have clamd load its signatures (kill -USR2): nobody here manages it.",
        )

    def findings(self, reading: PostfixReading) -> Iterator[Finding]:
        """What is wrong with it."""
        if self.trouble:
            return
        if self.probe is None:
            yield Finding(
                "clamd-listens-nowhere",
                f"Nobody can ask clamd: {self.path} has neither LocalSocket nor TCPSocket.",
                where=self.path,
            )
        if self.conf.get("Example") is not None:
            yield Finding(
                "clamd-example",
                f"clamd does not start as long as the line Example stands in {self.path}: take it out.",
                where=f"{self.path}, line {self.conf.line('Example')}",
            )


def _load(unit: Unit) -> Command:
    """What has it load its signatures anew; Debian's init script has a word of its own for that. While it
    does, it answers with the old ones, which it keeps where the new ones are no good."""
    command = unit.command("reload" if unit.manager is Manager.SYSTEMD else "reload-database")
    return replace(command, awaits=r"Database correctly reloaded", refuses=r"Database (?:load|reload) failed")


async def read(host: Host, places: Places, files: Files) -> Clamd | None:
    """clamd as it is configured; None where it is not there."""
    found = first(places.clamd, files)
    if found is None:
        return None
    path, file = found
    if isinstance(file, File):
        return Clamd(path, Conf.parse(file.data))
    return Clamd(path, Conf(""), trouble=str(file))
