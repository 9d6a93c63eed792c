"""Measures mtatui against postqueue, postsuper and pfqueue: on one spool, in one run, in turns.

    python -m bench [--messages N] [--only NAME] [--rounds N] [--json] [--write docs/figures.md]

Judges nothing: exit 0 when everything was measured, 1 when something could not be. From half a million
messages on the bars are those for a large queue.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import acting, face, fleet, reading, settings
from bench.figures import Figure, NotMeasured, document, markdown, table
from bench.ground import Ground, laid

#: What the document begins with.
_HEAD = """\
# Figures

What mtatui costs, against Postfix's own tools and pfqueue: on the same spool, in the same run, in turns; of
each the median counts. `make bench` measures all of it anew (as root on Debian, with the packages postfix
and pfqueue), `make bench ARGS='--messages 1000000'` a large queue. Ratios travel from machine to machine,
seconds do not. *Whole index*, *refresh*, *hold* and *delete* are measured in a process that runs already,
the face left out; the last two from the frozen selection to the last receipt, while the index is kept live.
The others are what is seen through a terminal of 120 × 40. Each table says how busy the machine was with
other things: ratios bear that, latencies do not.
"""
LARGE, SMALL = 500_000, 100_000
#: In this order: the last ones change the spool.
MEASURES: dict[str, Callable[[Ground], Iterator[Figure]]] = {
    "first": face.first,
    "whole": reading.whole,
    "cold": reading.cold,
    "memory": face.memories,
    "keys": face.keys,
    "filter": face.filters,
    "refresh": reading.refresh,
    "settings": settings.page,
    "remote": fleet.remote,
    "fleet": fleet.fleet,
    "far": fleet.far,
    "hold": acting.hold,
    "delete": acting.delete,
}


def large(ground: Ground) -> Iterator[Figure]:
    """First rows against those of a small queue."""
    mine = face.first_rows(ground)
    with laid(SMALL, ground.rounds, str(ground.root.parent), ground.say) as small:
        figure = mine, face.first_rows(small)
    yield Figure("first", f"exec to first rows, against those of {SMALL:,} messages", "s", *figure, 3.0)


MEASURES_LARGE: dict[str, Callable[[Ground], Iterator[Figure]]] = {
    "first": large,
    "loading": face.loading,
    "keys": face.keys,
    "filter": face.filters,
    "whole": reading.whole,
    "refresh": reading.refresh,
}


def main() -> int:
    """The command line."""
    options = _options()
    measures = MEASURES_LARGE if options.messages >= LARGE else MEASURES
    if unknown := set(options.only) - measures.keys():
        print(f"there is no figure {', '.join(sorted(unknown))}: {', '.join(measures)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    missing: list[str] = []

    def say(text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    busiest = 0.0
    try:
        with laid(options.messages, options.rounds, options.directory, say) as ground:
            for name, measure in measures.items():
                if options.only and name not in options.only:
                    continue
                say(name)
                try:
                    for figure in measure(ground):
                        figures.append(figure)
                        say("  ".join(cell for cell in figure.cells() if cell))
                except (
                    NotMeasured,
                    AssertionError,
                ) as error:  # a Terminal tells by the latter what is missing
                    missing.append(f"{name}: {error}")
                    say(f"NOT MEASURED: {error}")
            busiest = ground.busiest
    except NotMeasured as error:
        missing.append(str(error))
    about = (
        f"{datetime.datetime.now().astimezone():%Y-%m-%d}, {_machine()}; "
        f"other work took up to {busiest:.0%} of the machine"
    )
    if options.json:
        print(document(figures, about=about, messages=options.messages, not_measured=missing))
    else:
        print(f"{options.messages:,} messages, {about}\n\n{table(figures)}")
        for line in missing:
            print(f"NOT MEASURED  {line}")
    if options.write and figures:
        _write(options.write, options.messages, about, figures)
    return 1 if missing else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=SMALL, metavar="N")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of which the median counts")
    parser.add_argument("--directory", metavar="DIR", help="where the spool is made (default: TMPDIR)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a document")
    return parser.parse_args()


def _machine() -> str:
    """What kind of machine this is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _write(path: Path, messages: int, about: str, figures: list[Figure]) -> None:
    """Put the table into a document, in place of the one for as many messages."""
    head, *sections = (path.read_text() if path.exists() else _HEAD).split("\n## ")
    heading = f"{messages:,} messages\n"
    sections = [section for section in sections if not section.startswith(heading)]
    sections.append(f"{heading}\n{about}\n\n{markdown(figures)}\n")
    sections.sort(key=lambda section: len(section.partition(" ")[0]))
    path.write_text("\n## ".join([head.rstrip("\n") + "\n", *(s.rstrip("\n") + "\n" for s in sections)]))


if __name__ == "__main__":
    sys.exit(main())
