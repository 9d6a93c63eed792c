"""Write what the code knows of docs/: the keys, the command line, the fields of the query language.

``--check`` only compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mtatui.cli.main import root
from mtatui.queue.message import State
from mtatui.queue.terms import NUMBER_FIELDS, TEXT_FIELDS
from mtatui.verbs import ALL, Action, Danger

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py (`make docs`); change the code, not this page. -->"
PLACES = {"queue": "Queue", "message": "Message", "everywhere": "Everywhere"}
#: How keys are called by people, where Textual calls them otherwise.
KEYS = {
    "slash": "/",
    "asterisk": "*",
    "colon": ":",
    "question_mark": "?",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
}
DANGERS = {Danger.LOOKS: "", Danger.REVERSIBLE: "can be taken back", Danger.FINAL: "**final**"}


def keys_page() -> str:
    """docs/keys.md: every action with its key, from `mtatui.verbs`."""
    lines = [
        MADE,
        "",
        "# Keys",
        "",
        "The arrows, `j` `k`, `g` `G`, `PgUp` `PgDn` move. `:` opens the palette, where every action below",
        "has its name and takes its argument. Every id can be bound to other keys in the config file.",
    ]
    for place in dict.fromkeys(action.where for action in ALL.values()):
        lines += ["", f"## {PLACES.get(place, place.capitalize())}", ""]
        lines += ["| key | id | what it does | | on the command line |", "|---|---|---|---|---|"]
        lines += [_row(action) for action in ALL.values() if action.where == place]
    return "\n".join(lines) + "\n"


def _row(action: Action) -> str:
    keys = " ".join(f"`{KEYS.get(key, key)}`" for key in action.keys.split(",") if key) or "in the palette"
    argument = f" {action.argument}" if action.argument else ""
    cli = f"`mtatui {action.cli}`" if action.cli else ""
    cells = (keys, f"`{action.id}{argument}`", action.help, DANGERS[action.danger], cli)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def cli_page() -> str:
    """docs/cli.md: the help of every command, from the commands themselves."""
    lines = [MADE, "", "# The command line", "", *INTRODUCTION.strip().splitlines()]
    for path, command in _commands(root, ("mtatui",)):
        with click.Context(
            command, info_name=" ".join(path), max_content_width=100, terminal_width=100
        ) as ctx:
            lines += [
                "",
                f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}",
                "",
                "```",
                command.get_help(ctx),
                "```",
            ]
    return "\n".join(lines) + "\n"


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _commands(child, (*path, name))


def query_page() -> str:
    """docs/query.md: written by hand, but for the table of fields."""
    rows = [(f"{name}:", meaning) for name, meaning in TEXT_FIELDS.items()]
    rows.append(("state:", ", ".join(f"`{state}`" for state in State)))
    rows += [(f"{name}>` `{name}<", meaning) for name, meaning in NUMBER_FIELDS.items()]
    table = "\n".join(["| field | |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in rows)])
    written = (HERE / "query.md").read_text("utf-8")
    return re.sub(
        r"(<!-- fields: .*? -->\n).*?(<!-- /fields -->)",
        lambda found: f"{found[1]}\n{table}\n\n{found[2]}",
        written,
        flags=re.DOTALL,
    )


INTRODUCTION = """
Whatever the terminal can do, the command line can. Data goes to standard output, narration and progress to
standard error. `--json` prints one JSON document (`queue list`: one object a line).

Nothing asks where there is no terminal: what needs a yes is refused, naming `--yes`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | some targets were not done; the receipts say which |
| 2 | usage: an option, an ID or a filter that makes no sense |
| 3 | refused: read-only, not confirmed, changed meanwhile |
| 4 | the server is out of reach, or does not permit it |
| 5 | applied, failed its probe, rolled back |
| 70 | a fault in mtatui itself; a file with the details is named |
"""

PAGES = {"keys.md": keys_page, "cli.md": cli_page, "query.md": query_page}


def main() -> int:
    """Write every page, or say which differ."""
    stale = []
    for name, make in PAGES.items():
        path, text = HERE / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, "utf-8")
    print("docs: " + (", ".join(stale) if stale else "nothing to change"))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
