"""While a verb runs and after it: progress and signals, then a receipt for each message."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any, Self

from mtatui import ask
from mtatui.cli import output
from mtatui.cli.options import again
from mtatui.cli.picking import TOLD
from mtatui.queue.message import split
from mtatui.queue.selection import Result
from mtatui.text import count

if TYPE_CHECKING:
    from mtatui.queue.selection import Outcome, Receipt


class Watch:
    """Watches over a running verb: shows how far it is, and turns Ctrl-C into "no more after these".

    A lost terminal (SIGHUP) lets it finish: what was confirmed is done, and the journal says so.
    """

    def __init__(self, stopping: str = "Stopping after those that are under way …") -> None:
        """Args:
        stopping: what Ctrl-C is answered with.
        """
        import asyncio

        self.cancel = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._stopping = stopping
        self._shown = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop)
        self._loop.add_signal_handler(signal.SIGHUP, lambda: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)
        if self._shown:
            self._write("\r\x1b[K")

    def progress(self, done: int, total: int, what: str) -> None:
        """Told by the verb; shown on a terminal only."""
        if sys.stderr.isatty():
            self._shown = True
            self._write(f"\r\x1b[K{what}  {count(done)} of {count(total)}")

    def _stop(self) -> None:
        self.cancel.set()
        self._write(f"\n{self._stopping}\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            sys.stderr.write(text)
            sys.stderr.flush()


def tell(outcome: Outcome, *, json: bool) -> None:
    """The receipts on standard output, the story on standard error."""
    with contextlib.suppress(OSError):  # nobody listens any more; it is done all the same
        if json:
            output.put_json(as_json(outcome))
        else:
            for receipt in outcome.receipts:
                output.put(f"{receipt.id}  {receipt.result:7}  {receipt.text}".rstrip())
        for command in outcome.commands:
            output.say(f"ran: {command}")
        for note in outcome.notes:
            output.say(note)
        for name, part in sorted(outcome.parts.items()) if len(outcome.parts) > 1 else ():
            output.say(f"{name}: {_what_became(part)}")
        output.say(story(outcome))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as a document (a contract)."""
    parts = {
        name: {"tally": _tally(part), "entry": part.entry or None} for name, part in outcome.parts.items()
    }
    return {
        "verb": outcome.verb,
        "entry": outcome.entry or None,
        "at": round(outcome.at, 3),
        "cost": round(outcome.cost, 3),
        "cancelled": outcome.cancelled,
        "tally": _tally(outcome),
        **({"servers": parts} if parts else {}),
        "receipts": [one(receipt) for receipt in outcome.receipts],
        "commands": outcome.commands,
        "notes": outcome.notes,
    }


def _tally(outcome: Outcome) -> dict[str, int]:
    tally = outcome.tally()
    return {result.value: tally[result] for result in Result}


def one(receipt: Receipt) -> dict[str, str]:
    """A receipt as a document (a contract); ``became`` is there if the message has another queue ID now, and
    ``server`` if there are several."""
    server, id = split(receipt.id)
    told = ({"server": server} if server else {}) | {"id": id, "result": receipt.result, "text": receipt.text}
    return told | ({"became": receipt.became} if receipt.became else {})


def story(outcome: Outcome) -> str:
    """An outcome in one line: "3,201 put on hold, 13 gone meanwhile"; and how it is taken back."""
    words = _what_became(outcome)
    if not (outcome.entry and outcome.tally()[Result.DONE] and outcome.verb in ("hold", "release", "delete")):
        return words
    where = sorted(name for name, part in outcome.parts.items() if part.entry)
    on = ",".join(where) if len(where) <= TOLD else "all"
    return f"{words}; to take it back: {again(f'history undo {outcome.entry}', on)}"


def _what_became(outcome: Outcome) -> str:
    tally = outcome.tally()
    parts = [f"{count(tally[Result.DONE])} {ask.did(outcome)}"]
    parts += [f"{count(tally[result])} {words}" for result, words in ask.ENDINGS.items() if tally[result]]
    if outcome.cancelled:
        parts.append("stopped half way")
    return ", ".join(parts)
