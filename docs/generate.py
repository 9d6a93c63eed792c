"""Write what the code knows of docs/: keys, command line, settings, the fields of the query language.

``--check`` only compares.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from mtatui.cli.main import root
from mtatui.queue.message import State
from mtatui.queue.terms import NUMBER_FIELDS, TEXT_FIELDS
from mtatui.settings.catalogue import PAGES as SETTINGS
from mtatui.settings.kinds import Choice
from mtatui.settings.setting import Setting
from mtatui.verbs import ALL, Action, Danger

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py (`make docs`); change the code, not this page. -->"
PLACES = {"one": "Pages of one server"}
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
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
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


def settings_page() -> str:
    """docs/settings.md: every setting, from `mtatui.settings`."""
    lines = [MADE, "", "# Settings", "", *ABOUT_SETTINGS.strip().splitlines()]
    for page in SETTINGS.values():
        lines += ["", f"## {page.label}"]
        section = ""
        for setting in page.settings:
            if setting.section != section:
                section = setting.section
                lines += ["", f"### {section}"]
            lines += ["", *_setting(setting)]
    return "\n".join(lines) + "\n"


def _setting(setting: Setting) -> list[str]:
    lines = [f"#### {_plain(setting.label)}", "", f"`{setting.key}`: {_plain(setting.kind.takes)}", ""]
    lines += textwrap.wrap(_plain(setting.help), 112)
    lines.append("")
    if isinstance(setting.kind, Choice):
        lines += [f"- {f'`{word}`' if word else '(nothing)'}: {is_}" for word, is_ in setting.kind.choices]
    if setting.cost:
        lines.append(f"- costs legitimate mail: {_plain(setting.cost)}")
    if setting.reply:
        lines.append(f"- the sender sees: `{setting.reply}`")
    lines.append(f"- writes `{setting.directive}`; manual: {setting.manual}")
    return lines


def _plain(text: str) -> str:
    """The text with nothing in it that Markdown would take for its own."""
    return re.sub(r"([<*\[\]])", r"\\\1", text)


INTRODUCTION = """
Whatever the terminal can do, the command line can. Data goes to standard output, narration and progress to
standard error. `--json` prints one JSON document (`queue list`: one object a line).

Where there are several servers ([fleet.md](fleet.md)), what looks is about all of them, and what changes
something says which: `mtatui --server mx1`, `--server @TAG`, `--server all`, before the command.

Nothing asks where there is no terminal: what needs a yes is refused, naming `--yes`.

Tab completes commands, options and settings after `eval "$(_MTATUI_COMPLETE=bash_source mtatui)"` (or
`zsh_source`; fish: `_MTATUI_COMPLETE=fish_source mtatui | source`).

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | not all is done or well, or one of several servers did not answer; `settings diff`: it differs |
| 2 | usage: an option, an ID, a filter, a setting or a value that makes no sense |
| 3 | refused: read-only, not confirmed, changed meanwhile, or a check said no |
| 4 | the server is out of reach, or does not permit it |
| 5 | applied, failed its probe, rolled back |
| 70 | a fault in mtatui itself; a file with the details is named |
"""

ABOUT_SETTINGS = """
Each control of the pages Inbound, Outbound and Antispam & AV, under the name by which `mtatui settings set`,
profiles and scripts know it. How a change reaches the server, and how it is taken back:
[changing.md](changing.md). What stands behind the third page: [filtering.md](filtering.md).

A check is `off`, on `trial` or `enforce`d. On trial Postfix turns nobody away, and logs whom it would have
turned away (`warn_if_reject`): look at the log for a day before you enforce what costs legitimate mail.
"""

PAGES = {"keys.md": keys_page, "cli.md": cli_page, "settings.md": settings_page, "query.md": query_page}


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
