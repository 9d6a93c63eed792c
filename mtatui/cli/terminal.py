"""Opening the terminal face. The reader starts before Textual is imported: they take their time together."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from mtatui.cli.gathering import open_fleet
from mtatui.cli.guard import DONE, Misused
from mtatui.cli.options import Options
from mtatui.config import load

if TYPE_CHECKING:
    from mtatui.fleet import Fleet

#: Seconds that the first rows are waited for; Textual would be imported meanwhile, but take their time.
PATIENCE = 0.5
DEMO = "A demo: nothing here is real, try everything. It is gone when you leave."


def open_terminal(options: Options) -> int:
    """Show the queue until the user leaves."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misused("the terminal face needs a terminal; without one: mtatui queue list, mtatui --help")
    if not sys.stderr.isatty():
        raise Misused(
            "the terminal face draws on standard error, which goes elsewhere here: leave out the 2>"
        )
    config = load()
    from mtatui.fleet import Questions

    fleet = open_fleet(options, config, Questions(), instances=False)
    first = fleet.servers[0]
    # One that is far away is not waited for: it may have a question that only the page can put.
    near = not fleet.many and not first.far
    try:
        fleet.start()
        from mtatui.screens.glance import Glance  # while the reader is on its way

        with Glance(config) as glance:
            if near and first.live is not None and first.live.begun.wait(PATIENCE):
                glance.show(fleet.index)
            from mtatui.app import run

            # Asked, too, for what it raises: "no Postfix here", and no screen opens.
            if near and first.facts.several and not (options.server or config.servers):
                _take_in_instances(fleet)
            run(fleet, config, greeting=DEMO if options.demo else "", glance=glance)
    finally:
        fleet.close()
    return DONE


def _take_in_instances(fleet: Fleet) -> None:
    """Of a machine for which no server is configured, all instances of Postfix are shown."""
    from mtatui.backends.host import HostError
    from mtatui.fleet.instances import take_in

    with suppress(HostError):  # `mtatui servers check` says why
        take_in(fleet)
