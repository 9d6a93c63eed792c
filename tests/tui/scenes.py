"""Servers for pictures: each stands still at one moment, with a bit of everything, or with some trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from mtatui.backends.host import HostError, Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.verdicts import Verdicts
from mtatui.live import Feed
from mtatui.queue.delta import Delta
from mtatui.queue.message import Row
from tests.tui import still
from tests.tui.still import NOW, StillServer
from tests.tui.still_verdicts import BEGUN, DONE

#: How many messages `rows` makes, without those in the trash.
MESSAGES = 404
IN_TRASH = 3

LETTER = b"""\
Received: from host-12.isp.test (host-12.isp.test [203.0.113.12])
\tby mx1.example.test (Postfix) with ESMTPSA id 33C46214DA3
\tfor <r0@shop34.test>; Tue, 17 Nov 2026 15:20:00 +0000 (UTC)
From: =?utf-8?q?Zo=C3=AB_Example?= <zoe@list.test>
To: r0@shop34.test
Subject: [/x] your invoice =?utf-8?b?8J+Yig==?= \x1b[2J\xe2\x80\xaeefil
Date: Tue, 17 Nov 2026 15:19:58 +0000
Message-ID: <20261117151958.1234@list.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="B"

--B
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Dear customer,

here is the invoice that you did not ask for. \xe6\xbc\xa2\xe5\xad\x97 are two cells wide each, \
and a line that is much longer than the terminal is wide breaks between its words instead of being cut off.

Regards
Zo\xc3\xab
--B
Content-Type: application/zip; name="invoice.zip"
Content-Disposition: attachment; filename="invoice.zip"
Content-Transfer-Encoding: base64

UEsDBAoAAAAAAA==
--B--
"""


def rows() -> list[Row]:
    """The usual queue with some corrupt, incoming and deleted messages."""
    made = still.rows(400)
    for number, (id, state) in enumerate(
        [("0AF31214F01", "corrupt"), ("4jXYZ01b2czKp9q", "incoming"), ("4jXYZ11b2dzKp9r", "incoming")]
        + [("0AF31214F02", "incoming")]
        + [(f"0BD77214E{n:02X}", "trash") for n in range(IN_TRASH)]
    ):
        known = state != "corrupt"
        arrival = NOW - 5 - number if state == "incoming" else NOW - 90000 + number * 977
        origin = ["203.0.113.9", "host-9.isp.test", "host-9.isp.test"]
        recipients = [["r1@uni3.test", "", "", 0, ""]]
        if known:
            made.append([id, state, arrival, 900, NOW - 3600, "shop@isp5.test", *origin, "", "", recipients])
        else:
            made.append([id, state, 0, 0, NOW - 3600, "", "", "", "", "", "", []])
    return made


class SceneServer(StillServer):
    """The still server with messages that can be opened."""

    async def content(self, id: str, limit: int) -> tuple[bytes, bool]:
        return LETTER[:limit], len(LETTER) > limit

    async def records(self, id: str) -> str:
        return f"*** ENVELOPE RECORDS {id} ***\nmessage_size: 611\nsender: user0@uni5.test\n"

    async def log_lines(self, id: str) -> list[str]:
        raise HostError("No mail log on mx1: looked for [/var/log/mail.log].")

    async def verdicts(
        self,
        id: str,
        *,
        progress: Callable[[Verdicts], None] = lambda so_far: None,
        cancel: asyncio.Event | None = None,
    ) -> Verdicts:
        progress(BEGUN)
        return DONE


class _Dumb:
    limits = "without root: no next retry, no origin, no login"

    def __init__(self, told: list[Row]) -> None:
        self._told = told

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        feed = still.StillServer(self._told).feed()
        self._told = []
        return feed.scan()

    def close(self) -> None:
        pass


class LimitedServer(SceneServer):
    """What an ordinary user sees: `postqueue -j` and no more."""

    def __init__(self, later: int = 0) -> None:
        told = [[*row[:4], 0, row[5], "", "", "", "", "", row[11]] for row in still.rows(400, later)]
        super().__init__(told)
        assert isinstance(self.host, LocalHost)
        self.host.superuser = False

    def feed(self) -> Feed:
        return _Dumb(self._told)


class _Mute:
    limits = ""

    def __init__(self, feed: Feed | None) -> None:
        self._feed = feed

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        if self._feed is None:
            raise Unreachable("mx1 has said nothing about its queue for 60 seconds. Is its disk all right?")
        feed, self._feed = self._feed, None
        return feed.scan()

    def close(self) -> None:
        pass


class MuteServer(SceneServer):
    """A server that answers once (or never), and then no more."""

    def __init__(self, told: list[Row], *, ever: bool) -> None:
        super().__init__(told)
        self._answers = ever

    def feed(self) -> Feed:
        feed = super().feed() if self._answers else None
        self._answers = False
        return _Mute(feed)
