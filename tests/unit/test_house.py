"""The rules of the house that ruff, mypy and import-linter cannot hold: read off the source itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui import __version__
from mtatui.config import load

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mtatui"
SPOOL = PACKAGE / "backends" / "postfix" / "spool"
TRANSACTION = PACKAGE / "backends" / "transaction"
LOOKING = PACKAGE / "backends" / "looking"
CHAIN = PACKAGE / "backends" / "chain"
JUDGING = PACKAGE / "backends" / "judging"
FETCHING = PACKAGE / "backends" / "fetching"
ENVOY = PACKAGE / "backends" / "envoy"
#: What programs share: who imports what from beside itself.
SHARED = {(TRANSACTION, "looking"), (ENVOY, "peek")}
MODULES = sorted(PACKAGE.rglob("*.py"))
CODE = [
    *MODULES,
    *(p for d in ("bench", "docs", "scripts", "tests") for p in sorted((ROOT / d).rglob("*.py"))),
]

#: What starts a process, by any name the standard library has for it.
STARTERS = {
    "subprocess": {"run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "pty": {"spawn", "fork"},
    "multiprocessing": None,
    "concurrent.futures": {"ProcessPoolExecutor"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "loop": {"subprocess_exec", "subprocess_shell"},
    "os": {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"},
}
PREFIXES = ("exec", "spawn")  # os.execv, os.spawnlp, … in all their spellings


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), named(path))


def run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (n for branch in child.orelse for n in (branch, *run_time(branch)))
        else:
            yield child
            yield from run_time(child)


def imports(module: ast.Module) -> Iterator[tuple[str, str, int]]:
    """(module, name, level) of each import that happens when the program runs."""
    for node in run_time(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name, node.level) for alias in node.names)


def process_starters(module: ast.Module) -> set[str]:
    """What in this module could start a process."""
    found = set()
    for name, what, _level in imports(module):
        if name in STARTERS:
            only = STARTERS[name]
            if only is None or what in only or (name == "os" and what.startswith(PREFIXES)):
                found.add(f"{name}.{what}".rstrip("."))
    for node in run_time(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"subprocess.Popen", "Popen"}:
            found.add("subprocess.Popen")  # as a type it starts nothing
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            only = STARTERS.get(node.value.id)
            if (only and node.attr in only) or (node.value.id == "os" and node.attr.startswith(PREFIXES)):
                found.add(f"{node.value.id}.{node.attr}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\nsubprocess.Popen(['ls'])",
        "import subprocess\nstart = subprocess.run",
        "from subprocess import run",
        "import asyncio\nasync def f(): await asyncio.create_subprocess_exec('ls')",
        "import os\nos.execvp('ls', ['ls'])",
        "from os import spawnlp",
        "import os\nos.system('ls')",
        "if True:\n    import multiprocessing",
    ],
)
def test_the_check_for_processes_sees_them(source: str) -> None:
    assert process_starters(ast.parse(source))


def test_a_type_is_no_process() -> None:
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import subprocess\nelse:\n    import os"
    )
    assert not process_starters(ast.parse(source))


def test_only_hosts_start_processes() -> None:
    """`backends/host*` is the one door; the reader on the server may fork itself, and starts nothing else;
    what changes settings there forks its guard, becomes an smtpd for a rehearsal, and runs the commands of a
    plan through its own one door."""
    offenders = {}
    for path in MODULES:
        if path.parent == PACKAGE / "backends" and path.name.startswith("host"):
            continue
        found = process_starters(tree(path))
        if path.is_relative_to(SPOOL):
            found -= {"os.fork", "multiprocessing", "concurrent.futures.ProcessPoolExecutor"}
        if path in (TRANSACTION / "guard.py", TRANSACTION / "rehearse.py"):
            found -= {"os.fork", "os.execve"}
        if path in (CHAIN / "commands.py", PACKAGE / "backends" / "postfix" / "scheduling.py"):
            found -= {"subprocess.run"}
        if path in (TRANSACTION / "run.py", JUDGING / "commands.py", FETCHING / "serve.py"):
            found -= {"subprocess.Popen"}
        if path == ENVOY / "channel.py":
            found -= {"subprocess.Popen"}
        if found:
            offenders[named(path)] = found
    assert offenders == {}


def test_no_shell_anywhere() -> None:
    shells = [
        f"{named(path)}:{node.value.lineno}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword)
        and node.arg == "shell"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert shells == []


@pytest.mark.parametrize("room", ["queue", "settings", "text", "verbs"])
def test_the_cellar_needs_the_standard_library_and_pydantic_only(room: str) -> None:
    own = {"mtatui.queue", "mtatui.settings", "mtatui.text", "mtatui.verbs"}
    paths = [PACKAGE / f"{room}.py", *(PACKAGE / room).rglob("*.py")]
    strangers = {
        f"{named(path)}: {name}"
        for path in paths
        if path.exists()
        for name, _what, level in imports(tree(path))
        if level == 0
        and name.partition(".")[0] not in {*sys.stdlib_module_names, "pydantic"}
        and not any(name == o or name.startswith(f"{o}.") for o in own)
    }
    assert strangers == set()


@pytest.mark.parametrize(
    "program", [SPOOL, TRANSACTION, LOOKING, CHAIN, JUDGING, FETCHING, ENVOY], ids=lambda path: path.name
)
def test_what_runs_on_the_server_runs_on_any_server(program: Path) -> None:
    """It is started by the server's own Python (3.6 or newer), which knows nothing of mtatui or of ours. Who
    changes settings asks daemons as the program does that looks at them; the envoy looks at files as that
    program does."""
    faults = []
    for path in sorted(program.rglob("*.py")):
        module = ast.parse(path.read_text("utf-8"), named(path), feature_version=(3, 6))
        for name, what, level in imports(module):
            ours = level == 2 and (program, name or what) in SHARED
            if (level > 1 and not ours) or (
                level == 0 and name.partition(".")[0] not in sys.stdlib_module_names
            ):
                faults.append(f"{named(path)} imports {'.' * level}{name}")
            if (name, what) == ("__future__", "annotations"):
                faults.append(f"{named(path)}: annotations of the future came with Python 3.7")
    assert faults == []


def test_every_module_opens_with_what_it_is_for() -> None:
    mute = [
        named(path)
        for path in CODE
        if (path.name != "__init__.py" or path.stat().st_size) and not ast.get_docstring(tree(path))
    ]
    assert mute == []


def test_files_stay_readable() -> None:
    long = {named(p): n for p in CODE if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert long == {}, "a file of more than 400 lines has more than one idea in it: divide it"


def test_every_silenced_warning_says_why() -> None:
    """`type: ignore` and `noqa` name what they silence; the reason stands behind them or in a line above."""
    silent = []
    for path in CODE:
        before = ""
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for mark in ("# type: " + "ignore", "# no" + "qa"):
                if mark in line:
                    rest = line.partition(mark)[2]
                    reasoned = "#" in rest or before.lstrip().startswith("#")
                    if not (rest.startswith(("[", ":")) and reasoned):
                        silent.append(f"{named(path)}:{number}")
            before = line
    assert silent == []


def loaded(*arguments: str) -> set[str]:
    """The modules that are loaded when the command line has done this."""
    program = (
        "import sys\n"
        "from mtatui.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    code = end.code\n"
        "else:\n    code = 0\n"
        "print('\\nLOADED', code or 0, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    code, *modules = done.stdout.rpartition("LOADED ")[2].split()
    assert code == "0", done.stdout + done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["queue", "list", "--help"], ["settings", "set", "--help"]]
)
def test_what_only_talks_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(*arguments) & {"textual", "rich", "pydantic", "tomlkit", "asyncio", "sqlite3"} == set()


@pytest.mark.parametrize(
    "arguments",
    [["--demo", "queue", "list", "--limit", "3"], ["--demo", "queue", "stats"], ["--demo", "doctor"]],
    ids=" ".join,
)
def test_the_command_line_needs_no_terminal_library(arguments: list[str]) -> None:
    modules = loaded(*arguments)
    assert "mtatui" in modules
    assert modules & {"textual", "rich"} == set()


def test_the_queue_does_without_settings() -> None:
    modules = loaded("--demo", "queue", "list", "--limit", "3")
    rooms = ("mtatui.settings", "mtatui.backends.configuration", "mtatui.cli.settings", "pydantic", "tomlkit")
    assert [name for name in modules if name.startswith(rooms)] == []


def test_the_pages_that_code_knows_are_current() -> None:
    """`make docs` has been run since keys or commands changed."""
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_changelog_knows_this_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert version == __version__
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_example_of_the_config_file_is_right(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "config.md").read_text("utf-8"), re.DOTALL)
    home = tmp_path / "mtatui"
    home.mkdir()
    (home / "config.toml").write_text(example, "utf-8")
    config = load({"XDG_CONFIG_HOME": str(tmp_path)}, system=tmp_path / "none")
    assert config.problems == ()
    assert config.servers[0].name == "inbound"
