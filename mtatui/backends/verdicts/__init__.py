"""The verdicts on one message: what clamd, SpamAssassin, its signatures and its own headers say of it.

The message never leaves the server: clamd and SpamAssassin are asked there, by a small program
(`mtatui.backends.judging`), and SpamAssassin in its local mode only. All that is asked of the network are the
DNS records in which the keys of signatures are published. Nothing is changed, and nothing is learned.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from mtatui.backends import judging, resolving
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import first
from mtatui.backends.host import File, Host, HostError
from mtatui.backends.postfix.tools import Tools
from mtatui.backends.services.places import loopback, settings_of
from mtatui.backends.verdicts import signatures as verdicts_signatures
from mtatui.backends.verdicts.read import Rule, bytes_of, rules
from mtatui.backends.verdicts.signatures import Chain, Signature
from mtatui.queue.claims import Claim, claims
from mtatui.queue.content import headers
from mtatui.text import clean, size

#: Seconds that clamd and SpamAssassin each have for one message.
PATIENCE = 60.0
#: Seconds that are added to it: for postcat, for a daemon that does not even greet, for another way.
MARGIN = 60.0
#: Bytes of a message beyond which nobody is asked about it.
LARGEST = 64 * 1024 * 1024
#: Bytes that SpamAssassin gets of a message: spamc(1) hands it no larger ones; amavis cuts them, as here.
SCORED = 512 * 1024

_PROGRAM = f"{os.path.dirname(os.path.abspath(judging.__file__))}/__main__.py"
_NO_CLAMD = "Debian: apt install clamav-daemon (Fedora: clamd; openSUSE: clamav)."
_NO_SPAMASSASSIN = "Debian, Fedora, openSUSE: install the package spamassassin."


class State(StrEnum):
    """How far a verdict is."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    """It could not be found out."""
    MISSING = "missing"
    """There is nobody here who could be asked."""


class Stopped(HostError):
    """It was asked to stop."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Virus:
    """What clamd says. All texts are clean."""

    state: State = State.WAITING
    found: tuple[str, ...] = ()
    """Names of what it found."""
    scanner: str = ""
    """clamd's version, and that of its signatures with their date."""
    words: str = ""
    """What is being done; why there is no verdict."""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Spam:
    """What SpamAssassin says. All texts are clean."""

    state: State = State.WAITING
    points: float = 0.0
    required: float = 0.0
    """What it takes for SpamAssassin itself to call it spam; amavis has its own levels."""
    rules: tuple[Rule, ...] = ()
    """Those that matched, most points first."""
    scorer: str = ""
    """Who scored it."""
    words: str = ""
    """What is being done; why there is no verdict."""
    advice: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_spam(self) -> bool:
        """Whether SpamAssassin itself would call it spam."""
        return self.state is State.DONE and self.points >= self.required


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All of them, as far as they are."""

    id: str
    size: int
    """Bytes."""
    virus: Virus = field(default_factory=Virus)
    spam: Spam = field(default_factory=Spam)
    signatures: tuple[Signature, ...] = ()
    signatures_words: str = ""
    """Why signatures and chain cannot be checked."""
    chain: Chain | None = None
    """None while it and the signatures are being checked."""
    claims: tuple[Claim, ...] = ()
    """What its Authentication-Results headers say: claims of whoever wrote them."""

    @property
    def complete(self) -> bool:
        """Whether nothing is waited for any more."""
        return State.WAITING not in (self.virus.state, self.spam.state) and self.chain is not None

    @property
    def failed(self) -> bool:
        """Whether anything could not be found out that might be another time."""
        results = {one.result for one in self.signatures} | ({self.chain.result} if self.chain else set())
        return "temperror" in results or State.FAILED in (self.virus.state, self.spam.state)


class Judge:
    """Asks for verdicts on the messages of one server."""

    def __init__(self, host: Host, config_directory: str | None = None, places: Places | None = None) -> None:
        """Nothing is asked yet."""
        self.host = host
        self.places = places or Places()
        self.patience = PATIENCE
        self._config_directory = config_directory
        self._tools = Tools(host, config_directory)

    async def verdicts(
        self,
        id: str,
        name: str = "",
        *,
        progress: Callable[[Verdicts], None] = lambda so_far: None,
        cancel: asyncio.Event | None = None,
    ) -> Verdicts:
        """Have a message judged; within a few minutes, whoever hangs.

        Args:
            name: what postcat calls it, if not by its ID: the path of a file in the trash, or a corrupt one.
            progress: hears of the verdicts as they come.
            cancel: stops it.

        Raises:
            Missing, NotPermitted, HostError: the message cannot be read.
            Stopped: by ``cancel``.
        """
        work = asyncio.ensure_future(self._judge(id, name or id, progress))
        stop = asyncio.ensure_future((cancel or asyncio.Event()).wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Stopped(f"Stopped. Nobody is asked about {clean(id)} any more.")
            return work.result()
        finally:
            for task in (work, stop):
                task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)

    async def _judge(self, id: str, name: str, progress: Callable[[Verdicts], None]) -> Verdicts:
        raw, more = await self._tools.cat(name, "raw", LARGEST)
        if more:
            raise HostError(f"{clean(id)} is larger than {size(LARGEST)}: nobody is asked about so much.")
        if not raw:
            raise HostError(f"Nothing can be read in the file of {clean(id)}: it is empty, or corrupt.")
        fields = await asyncio.to_thread(headers, raw[: verdicts_signatures.HEAD])
        case = _Case(Verdicts(id, len(raw), claims=claims(fields)), progress)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._scanned_and_scored(name, case))
                both.create_task(self._signed(raw, case))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return case.so_far

    # -- signatures ------------------------------------------------------------------------------------------

    async def _signed(self, raw: bytes, case: _Case) -> None:
        letter = await asyncio.to_thread(verdicts_signatures.letter, raw)
        if letter.trouble:
            case.now(signatures_words=f"not checked: {letter.trouble}", chain=Chain())
            return
        case.now(signatures=verdicts_signatures.signed(letter))
        wanted = verdicts_signatures.wanted(letter)
        keys = await resolving.txt(self.host, wanted) if wanted else {}
        # Both have an end: what they may cost is limited there.
        checked = await asyncio.to_thread(verdicts_signatures.check, letter, keys)
        chain = await asyncio.to_thread(verdicts_signatures.chain, letter, keys)
        case.now(signatures=checked, chain=chain)

    # -- clamd and SpamAssassin ------------------------------------------------------------------------------

    async def _scanned_and_scored(self, name: str, case: _Case) -> None:
        clamd = await self._clamd()
        if isinstance(clamd, Virus):
            case.now(virus=clamd)
        request = {
            "message": {"name": name, "config": self._config_directory or "", "most": LARGEST},
            "virus": None if isinstance(clamd, Virus) else clamd | {"patience": self.patience},
            "spam": {"size": SCORED, "patience": self.patience},
        }

        async def asking() -> AsyncIterator[bytes]:
            yield json.dumps(request).encode("ascii") + b"\n"
            await asyncio.Event().wait()  # as long as standard input is open, somebody waits for an answer

        try:
            completed = await self.host.run(
                argv(),
                input=asking(),
                timeout=2 * self.patience + MARGIN,
                note=f"asks clamd and SpamAssassin about {clean(case.so_far.id)}",
                on_stderr=case.hear,
            )
            said = clean(completed.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
            why = f"it could not be asked for: {said or 'the program that asks said nothing'}"
        except HostError as error:
            why = str(error)
        case.give_up(why)

    async def _clamd(self) -> dict[str, Any] | Virus:
        """Where clamd listens and how much it takes; or why it cannot be asked."""
        found = first(self.places.clamd, await self.host.files(self.places.clamd))
        if found is None:
            return Virus(State.MISSING, words="There is no clamd here.", advice=_NO_CLAMD)
        path, file = found
        if not isinstance(file, File):
            return Virus(State.FAILED, words=f"It is not known where clamd listens: {clean(str(file))}")
        said = settings_of(file.data)
        place: dict[str, Any] | None = None
        if said.get("localsocket"):
            place = {"paths": said["localsocket"][-1:]}
        elif (port := said.get("tcpsocket", [""])[-1]).isdigit():
            place = {"host": loopback(said.get("tcpaddr", ["127.0.0.1"])[0]), "port": int(port)}
        if place is None or "example" in said:
            words = f"clamd is not set up: {path} names neither LocalSocket nor TCPSocket"
            return Virus(
                State.MISSING, words=words, advice=f"See clamd.conf(5); mtatui services. {_NO_CLAMD}"
            )
        return {"place": place, "limit": bytes_of(said.get("streammaxlength", ["0"])[-1])}


def argv() -> list[str]:
    """The command that asks clamd and SpamAssassin."""
    return [sys.executable, "-I", "-S", _PROGRAM]


class _Case:
    """The verdicts on one message as they come."""

    def __init__(self, so_far: Verdicts, progress: Callable[[Verdicts], None]) -> None:
        self.so_far = so_far
        self._progress = progress
        progress(so_far)

    def now(self, **changes: Any) -> None:
        """Something has become known."""
        self.so_far = replace(self.so_far, **changes)
        self._progress(self.so_far)

    def hear(self, line: bytes) -> None:
        """A line of the program on the server; see `mtatui.backends.judging.serve`."""
        changes: dict[str, Any] = {}
        # Whatever else is said there (by sudo, say) is no verdict.
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            part, what = json.loads(line)
            if part == "unread":
                self.give_up(f"The message could not be read: {clean(str(what))}")
            elif part == "virus":
                changes = {"virus": _virus(self.so_far, what)}
            elif part == "spam":
                changes = {"spam": _spam(what)}
        if changes:
            self.now(**changes)

    def give_up(self, why: str) -> None:
        """What is still waited for will not come."""
        if self.so_far.virus.state is State.WAITING:
            self.now(virus=Virus(State.FAILED, words=why))
        if self.so_far.spam.state is State.WAITING:
            self.now(spam=Spam(State.FAILED, words=why))


def _virus(verdicts: Verdicts, said: str | Mapping[str, Any]) -> Virus:
    if isinstance(said, str):
        return Virus(words=clean(said))
    scanner = clean(said.get("version", ""))
    trouble = said.get("trouble", "")
    if not trouble:
        return Virus(State.DONE, tuple(clean(name) for name in said["found"]), scanner)
    if trouble == "too large" or "size limit exceeded" in trouble.lower():
        limit = f"{size(said['limit'])}, " if said.get("limit") else ""
        return Virus(
            State.FAILED,
            scanner=scanner,
            words=f"not scanned: {size(verdicts.size)} is more than clamd takes ({limit}StreamMaxLength)",
            advice="amavis hands it the parts of a message one by one, and may still have it scanned.",
        )
    advice = "mtatui services tells how it is, its own log why; after a start it loads for half a minute."
    return Virus(State.FAILED, scanner=scanner, words=clean(trouble), advice=advice)


def _spam(said: str | Mapping[str, Any]) -> Spam:
    if isinstance(said, str):
        return Spam(words=clean(said))
    notes = tuple(clean(note) for note in said.get("notes", ()))
    if said.get("missing"):
        words = "There is no SpamAssassin here that keeps a message to itself."
        return Spam(State.MISSING, words=words, advice=_NO_SPAMASSASSIN, notes=notes)
    if said.get("trouble"):
        return Spam(State.FAILED, words=clean(said["trouble"]), notes=notes)
    if said.get("cut"):
        notes = (*notes, f"only the first {size(SCORED)} were scored, as amavis and spamc do")
    return Spam(
        State.DONE,
        float(said["points"]),
        float(said["required"]),
        rules(said["summary"], said["scores"]),
        clean(said["by"]),
        notes=notes,
    )
