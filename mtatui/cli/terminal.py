"""Opening the terminal face. The reader starts before Textual is imported: they take their time together."""

from __future__ import annotations

import sys

from mtatui.cli.guard import DONE, Misused
from mtatui.cli.options import Options
from mtatui.cli.session import open_server
from mtatui.config import load

#: Seconds that the first rows are waited for; Textual would be imported meanwhile, but take their time.
PATIENCE = 0.5
DEMO = "A demo server: nothing here is real, try everything. It is gone when you leave."


def open_terminal(options: Options) -> int:
    """Show the queue until the user leaves."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misused("the terminal face needs a terminal; without one: mtatui queue list, mtatui --help")
    config = load()
    server = open_server(options, config)
    try:
        live = server.start()
        from mtatui.screens.glance import Glance  # while the reader is on its way

        with Glance(config) as glance:
            if live.begun.wait(PATIENCE):
                glance.show(server.index)
            from mtatui.app import run

            server.facts  # noqa: B018  # asked for what it raises: "no Postfix here", and no screen is opened
            run(server, config, greeting=DEMO if options.demo else "", glance=glance)
    finally:
        server.close()
    return DONE
