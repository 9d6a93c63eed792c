"""What ssh asks (a password, a passphrase, whether a host key is the right one), put to the person at the
terminal of a command line, one question at a time."""

from __future__ import annotations

import contextlib
import getpass
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtatui.cli.output import say

if TYPE_CHECKING:
    from mtatui.backends.host import Prompt
    from mtatui.fleet import Questions

#: What ssh takes for a yes, and what is one here.
YES, YESES = "yes", ("yes", "y")


@contextmanager
def questions() -> Iterator[Questions | None]:
    """What servers ask through while they are opened; None where there is nobody to be asked: then ssh does
    not ask, and says what it could not do."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        yield None
        return
    from mtatui.fleet import Questions

    one_at_a_time = threading.Lock()
    mode = termios.tcgetattr(sys.stdin)

    def ask(prompt: Prompt) -> str | None:
        with one_at_a_time:
            return _asked(prompt)

    asking: Questions = Questions()
    asking.answer_by(ask)
    try:
        yield asking
    finally:
        # Who is interrupted while a password is typed would be left without an echo.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, mode)


def _asked(prompt: Prompt) -> str | None:
    say(f"{prompt.server} asks:")
    if prompt.secret:
        say(prompt.text)
        with contextlib.suppress(EOFError):
            return getpass.getpass("(it goes to ssh and is not kept) ") or None
        return None
    say(prompt.text)
    with contextlib.suppress(EOFError):
        sys.stderr.write("yes or no: " if prompt.confirm else "> ")
        sys.stderr.flush()
        answer = input().strip()
        if not prompt.confirm:
            return answer or None
        return YES if answer.lower() in YESES else None
    return None
