"""The databases of signatures: what they are, how old, what clamd has loaded of them, and bringing new ones.

Everything is looked at on the server, by `mtatui.backends.looking`; freshclam itself brings the new ones.
Sources: freshclam(1), clamscan(1), clamd(8); ClamAV's policy on the end of life of its versions.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtatui.backends.filters import freshclam as components
from mtatui.backends.filters.clamd import LOADS, Clamd
from mtatui.backends.filters.clamd import read as read_clamd
from mtatui.backends.filters.databases_read import (
    State,
    Tested,
    Updated,
    complaints,
    said,
    state,
    tested,
    what_came,
)
from mtatui.backends.filters.freshclam import Freshclam
from mtatui.backends.filters.places import Places
from mtatui.backends.host import Host, HostError, Missing
from mtatui.backends.services import argv
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Mirrors, Signatures
from mtatui.text import clean

#: Seconds that clamd, or a mirror, has for an answer.
PATIENCE = 5.0
#: Seconds that an update may take: it brings 250 MB the first time, and tests what it has brought.
UPDATE = 1800.0
#: What freshclam says when a mirror did not give what it should; why, it does not say.
_OF_MIRRORS = re.compile(r"remote_cvdhead|[Dd]ownload failed|Giving up on")


class Databases:
    """The signatures of one server."""

    def __init__(self, host: Host, places: Places | None = None) -> None:
        self.host = host
        self.places = places or Places()

    async def state(self) -> State:
        """What there is.

        Raises:
            HostError: freshclam is not there, or the server does not answer.
        """
        freshclam, clamd = await self._components()
        seen = await self._look(
            {
                "what": "databases",
                "directory": freshclam.databases,
                "logs": [*filter(None, (freshclam.conf.get("UpdateLogFile"),)), _own_log(freshclam)],
                "clamd": _place(clamd),
            },
            "which signatures there are",
        )
        return state(seen, freshclam, time.time())

    async def update(
        self, progress: Callable[[str], None] = lambda line: None, cancel: asyncio.Event | None = None
    ) -> Updated:
        """Have freshclam look for new signatures now, beside its daemon, and clamd load them.

        Args:
            progress: hears each line that freshclam says.
            cancel: freshclam is stopped; it leaves the old signatures in place.

        Raises:
            ReadOnly, NotPermitted, HostError: it could not be tried.
        """
        freshclam, _ = await self._components()
        before = await self.state()
        if before.cool_down > time.time():
            until = time.strftime("%H:%M", time.localtime(before.cool_down))
            raise Refused(
                f"the mirrors want to be left alone until {until}: whoever asks before is blocked for longer"
            )
        command = [
            "freshclam", f"--config-file={freshclam.path}", "--stdout", f"--log={_own_log(freshclam)}",
        ]  # fmt: skip
        heard: list[str] = []

        def hear(line: str) -> None:
            heard.append(line)
            progress(said(line))

        code = await self._follow(command, hear, cancel)
        after = await self.state()
        why = "; ".join(dict.fromkeys(complaints(heard)))
        if code == 0:
            text = what_came(before, after)
        elif code is None:
            text = "Stopped; the old signatures are in place."
        else:
            told = await self._why(freshclam) if any(map(_OF_MIRRORS.search, heard)) else ""
            told = (told or why or f"exit status {code}").rstrip(".?")
            text = f"freshclam brought nothing: {told}. The old ones stay."
        return Updated(code == 0, text, after, (" ".join(command),))

    async def test(self, source: str) -> Tested:
        """Try a source of signatures: a mirror, a URL, or a file on the server.

        Raises:
            Refused: it is no source.
            HostError: the server does not answer.
        """
        if source.startswith(("file://", "/")):
            return await self.check(source.removeprefix("file://"))
        if "://" not in source and Signatures.endings & {source.rpartition(".")[2]}:
            freshclam, _ = await self._components()
            return await self.check(freshclam.file(Signatures().item(source)))
        if "://" in source and source.rpartition("/")[2].rpartition(".")[2] in Signatures.endings:
            return await self._test_url(Signatures().item(source), official=False)
        mirror = Mirrors().item(source)
        url = mirror if "://" in mirror else f"https://{mirror}"
        return await self._test_url(f"{url.rstrip('/')}/daily.cvd", official=True)

    async def check(self, path: str) -> Tested:
        """Have ClamAV load a file on the server as a database, and nothing else; clamd sees nothing of it.

        Raises:
            HostError: the server does not answer.
        """
        name = path.rpartition("/")[2]
        Signatures().item(name)
        command = ["clamscan", f"--database={path}", "-"]  # nothing is scanned: standard input is empty
        done = await self.host.run(command, timeout=LOADS, note="is it a database?")
        told = done.stdout.decode("utf-8", "replace") + "\n" + done.errors
        known = re.search(r"Known viruses: (\d+)", told)
        wrong = [match[1] for match in re.finditer(r"(?:ERROR|Error): ?(.*)", told)]
        if done.returncode not in (0, 1) or known is None or wrong:
            why = clean(wrong[0]) if wrong else f"clamscan ended with {done.returncode}"
            return Tested(False, f"{clean(name)} is no database that clamd could load: {why}")
        count = int(known[1])
        if not count:
            return Tested(False, f"{clean(name)} has no signature in it", 0)
        return Tested(True, f"{clean(name)} loads: {count:,} signature{'s' if count != 1 else ''}", count)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _components(self) -> tuple[Freshclam, Clamd | None]:
        files = await self.host.files([*self.places.freshclam, *self.places.clamd])
        freshclam = await components.read(self.host, self.places, files)
        if freshclam is None:
            raise Missing(f"freshclam is not on {self.host.name}. Debian: apt install clamav-freshclam.")
        if freshclam.trouble:
            raise HostError(freshclam.trouble)
        return freshclam, await read_clamd(self.host, self.places, files)

    async def _look(self, request: Mapping[str, Any], note: str) -> Any:
        done = await self.host.run(
            argv(),
            input=json.dumps({"patience": PATIENCE, **request}).encode("ascii"),
            timeout=PATIENCE * 6,
            note=note,
        )
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            why = done.errors.rpartition("\n")[2] or "it said nothing"
            raise HostError(f"{self.host.name} could not be looked at: {why}") from error

    async def _follow(
        self, command: Sequence[str], hear: Callable[[str], None], cancel: asyncio.Event | None
    ) -> int | None:
        """Run a command and hear its lines as they come: its exit status; None when it was stopped."""
        loop = asyncio.get_running_loop()
        child = self.host.child(list(command), changes=True)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        out = child.stdout

        def read() -> int:
            with out:
                for raw in out:
                    line = clean(raw.decode("utf-8", "replace").strip())
                    if line:
                        loop.call_soon_threadsafe(hear, line)
            return child.wait()

        reading = asyncio.ensure_future(asyncio.to_thread(read))
        stopping = asyncio.ensure_future(cancel.wait() if cancel is not None else asyncio.Event().wait())
        try:
            await asyncio.wait({reading, stopping}, timeout=UPDATE, return_when="FIRST_COMPLETED")
            stopped = not reading.done()
            if stopped:
                child.terminate()
            code = await reading
            return None if stopped else code
        except asyncio.CancelledError:
            child.terminate()
            raise
        finally:
            stopping.cancel()

    async def _test_url(self, url: str, *, official: bool) -> Tested:
        answer = (await self._fetch([url]))[0]
        return tested(url, answer, official=official)

    async def _fetch(self, urls: Sequence[str]) -> list[dict[str, Any]]:
        agent = "ClamAV/1.4.6 (OS: Linux, ARCH: x86_64, CPU: x86_64)"  # public mirrors turn others away
        found: list[dict[str, Any]] = await self._look(
            {"what": "sources", "urls": list(urls), "agent": agent}, "what a source answers"
        )
        return found

    async def _why(self, freshclam: Freshclam) -> str:
        """What the mirrors say themselves: freshclam calls every odd answer a malformed database."""
        found = []
        for mirror in freshclam.mirrors:
            tested = await self.test(mirror)
            if not tested.ok:
                found.append(tested.text)
        return "; ".join(found)


def _own_log(freshclam: Freshclam) -> str:
    """Where our own runs write: freshclam's daemon has its log to itself."""
    folder = (freshclam.conf.get("UpdateLogFile") or "/var/log/clamav/").rpartition("/")[0]
    return f"{folder}/mtatui-freshclam.log"


def _place(clamd: Clamd | None) -> dict[str, Any] | None:
    probe = clamd.probe if clamd is not None and not clamd.trouble else None
    if probe is None:
        return None
    return {"host": probe.address, "port": probe.port} if probe.port else {"paths": [probe.address]}
