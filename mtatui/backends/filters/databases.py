"""The databases of signatures: what they are, how old, what clamd has loaded of them, and bringing new ones.

Everything is looked at on the server, by `mtatui.backends.looking`; freshclam itself brings the new ones.
Sources: freshclam(1), clamscan(1), clamd(8); ClamAV's policy on the end of life of its versions.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mtatui.backends import fetching
from mtatui.backends.filters import freshclam as components
from mtatui.backends.filters.clamd import LOADS, ORDINARY, Clamd
from mtatui.backends.filters.clamd import read as read_clamd
from mtatui.backends.filters.databases_read import (
    State,
    Tested,
    Updated,
    state,
    tested,
    what_came,
)
from mtatui.backends.filters.freshclam import Freshclam, public
from mtatui.backends.filters.freshclam_words import said, troubles
from mtatui.backends.filters.places import Places
from mtatui.backends.host import Host, HostError, Missing, ReadOnly
from mtatui.backends.services import argv
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Mirrors, Signatures
from mtatui.text import clean

#: Seconds that clamd, or a mirror, has for an answer.
PATIENCE = 5.0
#: Seconds that an update may take: it brings 250 MB the first time, and tests what it has brought.
UPDATE = 1800.0
#: Seconds that are added to it: for freshclam to tidy up.
MARGIN = 30.0
#: What freshclam says of a mirror that did not give what it should; why, it does not say.
_OF_MIRRORS = re.compile(r"remote_cvdhead: Malformed")
#: Endings of files in which there are signatures, and not something else, such as what is to be ignored.
_COUNTED = re.compile(r".*\.(?:[hnlm]db|[hnlm]du|[hm]sb|[hm]su|cdb|db|yara?)")
_PROGRAM = f"{os.path.dirname(os.path.abspath(fetching.__file__))}/__main__.py"


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
                "clamd_log": next(iter(clamd.log), "") if clamd is not None else "",
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
        if self.host.read_only:
            raise ReadOnly(f"{self.host.name} is open read-only: nothing is fetched for it.")
        freshclam, _ = await self._components()
        before = await self.state()
        if before.cool_down > time.time():
            until = time.strftime("%H:%M", time.localtime(before.cool_down))
            raise Refused(
                f"the mirrors want to be left alone until {until}: whoever asks before is blocked for longer"
            )
        heard: list[str] = []

        def hear(line: str) -> None:
            heard.append(line)
            progress(said(line))

        code = await self._fetched(freshclam, hear, cancel)
        after = await self.state()
        new, wrong = what_came(before, after), "; ".join(troubles(heard))
        if code is None:
            text = "Stopped; the old signatures are in place."
        elif code or wrong:
            malformed = any(map(_OF_MIRRORS.search, heard))
            told = (await self._why(freshclam) if malformed else "") or wrong or f"exit status {code}"
            brought = new if new.startswith("New") else "The old ones stay."
            text = f"Not all is well: {told.rstrip('.')}. {brought}"
        else:
            text = new
        return Updated(code == 0 and not wrong, text, after, (" ".join(_command(freshclam)),))

    async def test(self, source: str) -> Tested:
        """Try a source of signatures: a mirror, a URL, or a file on the server.

        Raises:
            Refused: it is no source.
            HostError: the server does not answer.
        """
        if source.startswith(("file://", "/")):
            return await self.check(source.removeprefix("file://"))
        if "://" not in source and (_is_official(source) or source.rpartition(".")[2] in Signatures.endings):
            freshclam, _ = await self._components()
            return await self.check(freshclam.file(source))
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
        if not _is_official(name):
            Signatures().item(name)
        command = ["clamscan", f"--database={path}", "-"]
        note = "is it a database, and does it let ordinary mail through?"
        done = await self.host.run(command, input=ORDINARY.encode("ascii"), timeout=LOADS, note=note)
        told = done.stdout.decode("utf-8", "replace") + "\n" + done.errors
        known = re.search(r"Known viruses: (\d+)", told)
        wrong = [match[1] for match in re.finditer(r"(?:ERROR|Error): ?(.*)", told)]
        if done.returncode not in (0, 1) or known is None or wrong:
            why = clean(wrong[0]) if wrong else f"clamscan ended with {done.returncode}"
            return Tested(False, f"{clean(name)} is no database that clamd could load: {why}")
        count = int(known[1])
        if found := re.search(r"^stdin: (.*) FOUND$", told, re.MULTILINE):
            what = f"{clean(found[1])} in an ordinary message"
            return Tested(False, f"{clean(name)} finds {what}: it would stop good mail", count)
        if not count and _COUNTED.fullmatch(name):
            return Tested(False, f"{clean(name)} has no signature in it", 0)
        some = f": {count:,} signature{'s' if count != 1 else ''}" if count else ""
        return Tested(True, f"{clean(name)} loads{some}", count)

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

    async def _fetched(
        self, freshclam: Freshclam, hear: Callable[[str], None], cancel: asyncio.Event | None
    ) -> int | None:
        """Have freshclam run on the server and hear its lines as they come: its exit status; None where it
        was stopped.

        Raises:
            ReadOnly, NotPermitted, HostError: it could not be tried.
        """
        request = {"config": freshclam.path, "log": _own_log(freshclam), "patience": UPDATE}
        ended: list[int | None] = []
        failed: list[str] = []

        async def asking() -> AsyncIterator[bytes]:
            yield json.dumps(request).encode("ascii") + b"\n"
            # As long as standard input is open, somebody waits for it.
            await (cancel or asyncio.Event()).wait()

        def told(line: bytes) -> None:
            # Whatever else is said there (by sudo, say) is not ours.
            with suppress(ValueError, TypeError):
                what, how = json.loads(line)
                if what == "said":
                    hear(clean(how))
                elif what == "ended":
                    ended.append(how)
                elif what == "failed":
                    failed.append(clean(how))

        done = await self.host.run(
            update_argv(), changes=True, input=asking(), timeout=UPDATE + MARGIN,
            note="has freshclam look for new signatures", on_stderr=told,
        )  # fmt: skip
        if ended:
            return ended[0]
        why = failed or [done.errors.rpartition("\n")[2] or "the program that runs it said nothing"]
        raise HostError(f"No update on {self.host.name}: {why[0]}.")

    async def _test_url(self, url: str, *, official: bool) -> Tested:
        answer = (await self._fetch([url]))[0]
        return tested(url, answer, official=official)

    async def _fetch(self, urls: Sequence[str]) -> list[dict[str, Any]]:
        # Public mirrors turn others away, and by its version those that are too old.
        version = await self.host.run(["freshclam", "--version"], timeout=PATIENCE * 2)
        release = re.match(rb"ClamAV ([\d.]+)", version.stdout)
        agent = f"ClamAV/{release[1].decode('ascii') if release else 'unknown'} (mtatui)"
        found: list[dict[str, Any]] = await self._look(
            {"what": "sources", "urls": list(urls), "agent": agent}, "what a source answers"
        )
        return found

    async def _why(self, freshclam: Freshclam) -> str:
        """What the mirrors say themselves: freshclam calls every odd answer a malformed database."""
        found = []
        for mirror in freshclam.mirrors:
            if public((mirror,)):
                continue  # they count how often they are asked
            tested = await self.test(mirror)
            if not tested.ok:
                found.append(tested.text)
        return "; ".join(found)


def update_argv() -> list[str]:
    """The command that has freshclam fetch."""
    return [sys.executable, "-I", "-S", _PROGRAM]


def _is_official(name: str) -> bool:
    stem, _, ending = name.partition(".")
    return stem in components.OFFICIAL and ending in ("cvd", "cld")


def _command(freshclam: Freshclam) -> tuple[str, ...]:
    """What runs there, as a person would type it."""
    return "freshclam", f"--config-file={freshclam.path}", "--stdout", f"--log={_own_log(freshclam)}"


def _own_log(freshclam: Freshclam) -> str:
    """Where our own runs write: freshclam's daemon has its log to itself."""
    folder = (freshclam.conf.get("UpdateLogFile") or "/var/log/clamav/").rpartition("/")[0]
    return f"{folder}/mtatui-freshclam.log"


def _place(clamd: Clamd | None) -> dict[str, Any] | None:
    probe = clamd.probe if clamd is not None and not clamd.trouble else None
    if probe is None:
        return None
    return {"host": probe.address, "port": probe.port} if probe.port else {"paths": [probe.address]}
