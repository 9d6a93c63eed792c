"""Applies a plan to a server: starts the program that does it there, tells its steps, and gives the outcome.

The program is `mtatui.backends.transaction`, running as root where Postfix is; it comes to its end without
us, and takes everything back if we are gone. What it promises: at any moment the old or the new configuration
is whole, and in the end Postfix answers, or somebody is told what to do by hand.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from mtatui.backends.child import ready, to_its_end
from mtatui.backends.host import Child, Host, HostError, Missing, NotPermitted, TimedOut, Unreachable
from mtatui.backends.host_sudo import refused
from mtatui.backends.request import request
from mtatui.settings.plan import Plan
from mtatui.text import clean

PROGRAM = Path(__file__).parent / "transaction" / "__main__.py"
#: Seconds without a word from the program after which it is given up; its own limits are shorter.
SILENCE = 300.0
#: Seconds that the guard may take to bring everything back: services that died are started again only after a
#: minute.
AFTERMATH = 300.0
#: Seconds for which a server that was cut off is asked what came of it: its guard needs up to a minute.
FINDING_OUT = 90.0
#: Seconds between two such questions.
AGAIN = 2.0
#: The exit status of what was cut off, as ssh(1) has it.
CUT = 255


class Ending(StrEnum):
    """How an apply ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """There was nothing to do."""
    REFUSED = "refused"
    """A check said no, or it could not even begin: nothing was touched."""
    CHANGED = "changed"
    """Files were changed since they were read: nothing was touched."""
    AWAITING = "awaiting"
    """Applied; it is taken back unless somebody confirms it."""
    ROLLED_BACK = "rolled back"
    """It was not well, or was stopped: the old configuration is back."""
    BROKEN = "broken"
    """It was not well and could not be taken back completely: a person must look, now."""


_EXIT = {
    Ending.APPLIED: 0, Ending.UNCHANGED: 0, Ending.AWAITING: 0, Ending.REFUSED: 3, Ending.CHANGED: 3,
    Ending.ROLLED_BACK: 5, Ending.BROKEN: 5,
}  # fmt: skip

#: The steps, in order. "roll back" comes where it must.
STEPS = ("lock", "compare", "record", "guard", "stage", "check", "replace", "reload", "probe", "finish")
ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is told of a step."""

    name: str
    """One of `STEPS`, or `ROLL_BACK`."""
    state: str
    """"begins", "done", "failed"; "told" for what is to be known in between: a command (``command``) that
    runs now, or a line that one has said (``text``)."""
    text: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it."""

    outcome: Ending
    text: str
    """In words, for the person."""
    entry_id: str = ""
    """Its entry in the history; "" where there is none, since nothing was begun."""
    steps: tuple[Step, ...] = ()
    until: float | None = None
    """When it is taken back unless it is confirmed (epoch seconds, by the clock here)."""
    versions: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    """Of files that were changed meanwhile: as they would have become, and as they are. Not masked."""
    cost: float = 0.0
    """Seconds it took."""

    @property
    def exit_code(self) -> int:
        """The exit status of the command line (DESIGN: 0 done, 3 refused, 5 rolled back)."""
        return _EXIT[self.outcome]

    @property
    def ok(self) -> bool:
        """Whether the server is as it was wanted."""
        return self.exit_code == 0


class Lost(Unreachable):
    """It broke off before it said how it ended: the connection was cut, or the program has died. What was not
    finished goes back by itself."""


class Unanswered(Lost):
    """It broke off, and the server has not answered since: nobody knows how it ended."""


Progress = Callable[[Step], None]


async def apply(
    host: Host,
    queue_directory: str,
    plan: Plan,
    *,
    who: str,
    confirm_within: float | None = None,
    progress: Progress = lambda step: None,
    cancel: asyncio.Event | None = None,
    log: str = "",
) -> Applied:
    """Apply a plan. Cancelled (by the event, or as a task) it takes back what it has done.

    Args:
        who: the login of the person.
        confirm_within: seconds after which it is taken back unless it is confirmed.
        progress: hears each step, in this event loop.
        log: ``maillog_file``, where Postfix writes its log itself.

    Raises:
        ReadOnly, NotPermitted, HostError: it could not even be asked for.
        Lost: it broke off before anything was heard of an entry. Unanswered: and nobody can tell of one.
    """
    if plan.empty:
        return Applied(Ending.UNCHANGED, "Nothing to do: everything is as it shall be already.")
    asked = request(host, plan, who, confirm_within, log)
    return await _ask_for(host, queue_directory, asked, plan, progress, cancel)


async def roll_back(
    host: Host, queue_directory: str, id: str, *, who: str, progress: Progress = lambda step: None
) -> Applied:
    """Take back a change that waits to be confirmed, now; or try it once more where that failed.

    Raises:
        HostError: it does not wait, in words; or as `apply`.
    """
    request = {"operation": "roll back", "id": id, "who": who}
    return await _ask_for(host, queue_directory, request, None, progress, None)


async def _ask_for(
    host: Host,
    queue_directory: str,
    request: Mapping[str, Any],
    plan: Plan | None,
    progress: Progress,
    cancel: asyncio.Event | None,
) -> Applied:
    loop = asyncio.get_running_loop()
    steps: list[Step] = []
    entry: str = request.get("id", "")

    def tell(step: Step) -> None:
        steps.append(step)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens
            loop.call_soon_threadsafe(progress, step)

    def hear(told: Mapping[str, Any]) -> None:
        nonlocal entry
        entry = told.get("entry", entry)
        if "step" in told:
            tell(Step(told["step"], told["state"], clean(told["text"]), clean(told["command"])))

    stop = threading.Event()
    asking = asyncio.ensure_future(to_its_end(ask, host, queue_directory, request, hear=hear, stop=stop))
    waiting = asyncio.ensure_future(cancel.wait()) if cancel is not None else None
    try:
        await asyncio.wait({asking, waiting} if waiting else {asking}, return_when="FIRST_COMPLETED")
        if not asking.done():
            stop.set()
        answer = await asking
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({asking})
        raise
    except Lost as lost:
        if not entry:
            raise Lost(f"{lost} Its history says whether anything was begun.") from lost
        tell(Step(steps[-1].name if steps else ROLL_BACK, "told", f"{lost} Asking what came of it …"))
        slow = sum(care.patience for care in plan.care) if plan else 0.0
        answer = await _aftermath(host, queue_directory, entry, request["who"], AFTERMATH + 2 * slow, lost)
        answer = {**answer, "text": f"{lost} Its history says: {answer['text']}"}
    finally:
        if waiting is not None:
            waiting.cancel()
    edits = {edit.path: edit.after for edit in plan.edits} if plan else {}
    return Applied(
        outcome=Ending(answer["outcome"]),
        text=clean(answer["text"]),
        entry_id=answer.get("entry", ""),
        steps=tuple(steps),
        until=time.time() + answer["left"] if "left" in answer else None,
        versions={
            path: (edits.get(path), None if data is None else base64.b64decode(data))
            for path, data in answer.get("versions", {}).items()
        },
        cost=answer.get("cost", 0.0),
    )


async def _aftermath(
    host: Host, queue_directory: str, id: str, who: str, patience: float, lost: Lost
) -> Mapping[str, Any]:
    """What came of an entry that was broken off: what its guard does about it, or we.

    Raises:
        HostError: nobody can tell. Unanswered: the server does not answer any more.
    """
    deadline = time.monotonic() + patience
    unheard = time.monotonic() + FINDING_OUT
    while True:
        try:
            await to_its_end(ask, host, queue_directory, {"operation": "settle", "who": who})
            asked = {"operation": "entry", "id": id}
            found = await to_its_end(ask, host, queue_directory, asked, changes=False)
        except (Unreachable, TimedOut) as error:
            if time.monotonic() > unheard:
                raise Unanswered(
                    f"{lost} It has not answered since, so nobody knows yet how that ended ({error}) "
                    f"Look at entry {id} of its history as soon as it answers."
                ) from error
            await asyncio.sleep(AGAIN)
            continue
        state: dict[str, Any] = found["state"]
        if state.get("phase") == "awaiting":
            state |= {"outcome": "awaiting", "text": "Applied; it waits to be confirmed."}
        if "outcome" in state:
            return state | {"entry": id}
        if time.monotonic() > deadline:
            raise HostError(
                f"{lost} But entry {id} does not come to an end. Look at the configuration and at Postfix "
                "there, now."
            )
        unheard = time.monotonic() + FINDING_OUT
        await asyncio.sleep(0.2)


def ask(
    host: Host,
    queue_directory: str,
    request: Mapping[str, Any],
    *,
    changes: bool = True,
    hear: Callable[[Mapping[str, Any]], None] = lambda told: None,
    stop: threading.Event | None = None,
) -> Any:
    """Ask the program on the server for one thing, and wait for the answer; blocks.

    Args:
        hear: is given all that it tells meanwhile.
        stop: it shall come to an end, and take back what it has done.

    Raises:
        HostError: it says no, in words. NotPermitted, Unreachable: it did not even run. Lost: it broke off.
        TimedOut: it has fallen silent.
    """
    child = host.child(argv(queue_directory), changes=changes)
    assert child.stdin is not None
    try:
        data = json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n"
        for answer in _answers(child, data, stop or threading.Event()):
            if "result" in answer:
                return answer["result"]
            if "failed" in answer:
                raise HostError(f"{host.name}: {clean(str(answer['failed']))}")
            hear(answer)
    except TimeoutError as error:
        raise TimedOut(
            f"The program that changes settings on {host.name} says nothing any more. If it does not come to "
            "its end its guard takes everything back; look at the history in a minute."
        ) from error
    except (OSError, ValueError, LookupError) as error:
        raise Lost(f"{host.name}: not an answer: {error}") from error
    finally:
        said = _end(child)
    if refused(said):
        raise NotPermitted(host.refusal(argv(queue_directory)))
    words = clean(said.decode("utf-8", "replace").strip().rpartition("\n")[2])
    if getattr(child, "error", 0):  # over ssh: it could not be started
        raise Missing(words)
    if words and child.poll() == CUT:
        why = f"{words.replace('the connection', 'The connection', 1)} while settings were changed there."
    else:
        why = f"The program that changes settings on {host.name} has died{': ' + words if words else ''}."
    raise Lost(f"{why} What it had not finished goes back by itself.")


def argv(queue_directory: str) -> list[str]:
    """The command that starts the program: what sudo must allow."""
    return [sys.executable, "-I", "-S", str(PROGRAM), queue_directory]


def _answers(child: Child, data: bytes, stop: threading.Event) -> Iterator[dict[str, Any]]:
    """What the program tells, line by line, until it ends; it is told to stop when somebody wishes so."""
    assert child.stdin is not None
    assert child.stdout is not None
    to, fro = child.stdin.fileno(), child.stdout.fileno()
    os.set_blocking(to, False)
    unsent, rest, told = memoryview(data), bytearray(), False
    silent = 0.0
    while True:
        if stop.is_set() and not told and not unsent:
            unsent, told = memoryview(b"cancel\n"), True
        readable, writable = ready([fro], [to] if unsent else [], 0.1)
        silent = 0.0 if readable or writable else silent + 0.1
        if silent > SILENCE:
            raise TimeoutError
        if writable:
            try:
                unsent = unsent[os.write(to, unsent[:65536]) :]
            except BrokenPipeError:
                unsent = memoryview(b"")
        if readable:
            chunk = os.read(fro, 1 << 16)
            if not chunk:
                return
            rest += chunk
            *lines, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for line in lines:
                answer = json.loads(line)
                if not isinstance(answer, dict):
                    raise ValueError(line[:80])
                yield answer


def _end(child: Child) -> bytes:
    """Let the program end; what it had to say on standard error. Nobody kills it: it has work to finish."""
    said = b""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)
    if child.stderr is not None:
        if ready([child.stderr.fileno()], [], 0)[0]:
            said = os.read(child.stderr.fileno(), 65536)
        child.stderr.close()
    return said
