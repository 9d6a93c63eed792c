"""The last line of defence of the command line: whatever happens, a person gets words, and a script a code.

Exit codes (a contract): 0 done, 1 some targets not done, 2 usage, 3 refused, 4 server out of reach or no
permission, 5 applied and rolled back. Besides: 70 a fault in mtatui itself, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mtatui.text import clean

if TYPE_CHECKING:
    import click

DONE, NOT_ALL, USAGE, REFUSED = 0, 1, 2, 3
FAULT, INTERRUPTED = 70, 130


class Refused(Exception):
    """What was asked is not done, and why: not confirmed, or nothing that could be asked."""

    exit_code = REFUSED


class Misused(Exception):
    """What was asked makes no sense, in words."""

    exit_code = USAGE


class Unwritable(OSError):
    """Standard output takes no more, in words: a full disk, as a rule."""

    exit_code = NOT_ALL


class NobodyListens(Exception):
    """Whoever read our standard output has left (``| head``): enough was said."""


def guarded(work: Callable[[], Any]) -> int:
    """Do the work and return its exit code; errors become lines on standard error, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = work()
        return _spoken(code if isinstance(code, int) else DONE)
    except (BrokenPipeError, NobodyListens):
        return _spoken(DONE)
    except Unwritable as error:
        return _unwritten(error)
    except KeyboardInterrupt:
        print("mtatui: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return _explain(error)


def _spoken(code: int) -> int:
    """The exit code, when all has been said. That nobody listens any more (``| head``) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
    except OSError as error:
        return _unwritten(error)
    return code


def _unwritten(error: OSError) -> int:
    """Not all that was to be said could be written: whoever reads it later must not take it for all."""
    _hush()
    print(f"mtatui: standard output cannot be written: {error.strerror or error}", file=sys.stderr)
    return Unwritable.exit_code


def _hush() -> None:
    """What is still to be written goes nowhere; else Python tries it again when it ends, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    from mtatui.backends.host import HostError

    if isinstance(error, (HostError, Refused, Misused)):
        print(f"mtatui: {clean(str(error), lines=True)}", file=sys.stderr)
        return error.exit_code
    if "click" in sys.modules and (code := _explain_click(error)) is not None:
        return code
    path = report(error)
    print(
        f"mtatui: a fault in mtatui itself: {clean(f'{type(error).__name__}: {error}')[:300]}\n"
        + (f"The details are in {path}; a bug report with that file helps." if path else ""),
        file=sys.stderr,
    )
    return FAULT


def _explain_click(error: Exception) -> int | None:
    import click

    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort():
            print("mtatui: interrupted", file=sys.stderr)
            return INTERRUPTED
        case click.NoSuchOption() if error.ctx and error.option_name in _global_options(error.ctx):
            hint = f"{error.option_name} goes before the command: mtatui {error.option_name} …"
            click.UsageError(hint, error.ctx).show()
            return error.exit_code
        case click.ClickException():
            error.show()
            return error.exit_code
    return None


def _global_options(context: click.Context) -> list[str]:
    return [name for parameter in context.find_root().command.params for name in parameter.opts]


def report(error: Exception) -> str:
    """Write the traceback to a file of this user's and return its path, "" where nothing could be written."""
    import platform
    import tempfile
    import time
    import traceback

    from mtatui import __version__

    text = (
        f"mtatui {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"{sys.argv!a}\n\n{''.join(traceback.format_exception(error))}"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", delete=False,
            prefix=time.strftime("mtatui-fault-%Y%m%d-%H%M%S-"), suffix=".txt",
        ) as file:  # fmt: skip
            file.write(text)
            return file.name
    except OSError:
        return ""
