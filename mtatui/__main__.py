"""Where mtatui begins: the terminal face by the quick path, everything else through the command line."""

from __future__ import annotations

import gc
import os
import sys

from mtatui.cli.options import Options, quick


def main() -> None:
    """Run mtatui with the arguments of this process, and exit with its code."""
    # Rows by the hundred thousand pass through lists that the collector would look through again and again
    # for cycles that are not there: a sixth of the time that an index takes to load.
    gc.set_threshold(20_000, 50, 50)
    completing = "_MTATUI_COMPLETE" in os.environ  # a shell asks how a command line may go on
    options = None if completing else quick(sys.argv[1:])
    sys.exit(terminal(options) if options else command_line())


def terminal(options: Options) -> int:
    """Open the terminal face."""
    from mtatui.cli.guard import guarded
    from mtatui.cli.terminal import open_terminal

    # A key waits for Python's lock, several times over, while the queue is read in: not long each time.
    sys.setswitchinterval(0.001)
    return guarded(lambda: open_terminal(options))


def command_line() -> int:
    """Do what the arguments say, without a terminal library."""
    from mtatui.cli.guard import guarded
    from mtatui.cli.main import root

    return guarded(lambda: root.main(prog_name="mtatui", standalone_mode=False))


if __name__ == "__main__":
    main()
