"""The config file: what it may say, how its mistakes are told, and how it is changed with care."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.config import Config, ServerEntry, load, user_file
from mtatui.config.keys import textual_name
from mtatui.config.writing import NotWritten, save
from mtatui.verbs import ALL

GOOD = """\
theme = "nord"
read_only = true
columns = ["id", "age", "from"]
sort = "-size"

[filters]
big = "size>1M"
"stuck mail" = "age>1d state:deferred"

[keys]
hold = "ctrl+h"
mark-all = ["A", "/"]
filter = "ctrl+f"
search = "ctrl+f"

[trash]
days = 3
max_size = "500M"

[[servers]]
name = "mx1"
sudo = true
tags = ["in"]

[[servers]]
name = "mx2"
host = "admin@mx2.example.test"
config_directory = "/etc/postfix-out"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def read(home: Path, text: str | bytes | None, system: str | None = None) -> Config:
    user = home / "mtatui" / "config.toml"
    user.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        user.write_bytes(text if isinstance(text, bytes) else text.encode())
    everybody = home / "system.toml"
    if system is not None:
        everybody.write_text(system)
    return load({"XDG_CONFIG_HOME": str(home)}, everybody, ALL.values())


def test_everything_it_can_say(home: Path) -> None:
    config = read(home, GOOD)
    assert config.problems == ()
    assert (config.theme, config.read_only, config.sort) == ("nord", True, ("size", True))
    assert config.columns == ("id", "age", "from")
    assert config.filters == {"big": "size>1M", "stuck mail": "age>1d state:deferred"}
    assert config.keymap == {"hold": "ctrl+h", "mark-all": "A,slash", "filter": "ctrl+f", "search": "ctrl+f"}
    assert (config.trash_days, config.trash_bytes) == (3, 500 * 1024**2)
    assert config.servers == (
        ServerEntry("mx1", "localhost", True, "", ("in",)),
        ServerEntry("mx2", "admin@mx2.example.test", False, "/etc/postfix-out"),
    )


def test_without_files_the_defaults_hold(home: Path) -> None:
    config = read(home, None)
    assert config == Config(path=home / "mtatui" / "config.toml")


def test_the_users_file_wins_key_by_key(home: Path) -> None:
    config = read(
        home,
        'theme = "nord"\n[filters]\nmine = "from:me"\nboth = "user"\n[keys]\nhold = "X"\n'
        '[[servers]]\nname = "mx1"\nsudo = true\n',
        'theme = "dracula"\nread_only = true\n[filters]\nboth = "system"\ntheirs = "to:x"\n'
        '[keys]\nhold = "ctrl+h"\ndelete = "D"\n[trash]\ndays = 30\n'
        '[[servers]]\nname = "mx1"\n[[servers]]\nname = "mx2"\n',
    )
    assert config.problems == ()
    assert (config.theme, config.read_only, config.trash_days) == ("nord", True, 30)
    assert config.filters == {"both": "user", "theirs": "to:x", "mine": "from:me"}
    assert config.keymap == {"hold": "X", "delete": "D"}
    assert [(s.name, s.sudo) for s in config.servers] == [("mx1", True), ("mx2", False)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('theme = "pink"\n', ["line 1: theme = pink: should be one of textual-dark", "passed over"]),
        ("\n\nread_only = 1\n", ["line 3: read_only = 1: should be true or false"]),
        ('thme = "nord"\n', ["line 1: there is no setting called thme; is it theme?"]),
        ('columns = ["id", "colour", "age", "smell"]\n', ["line 1: columns.1 = colour", "columns.3 = smell"]),
        ('sort = "beauty"\n', ["line 1: sort = beauty: should be one of age, id"]),
        ("[trash]\ndays = -1\n", ["line 2: trash.days = -1: should be a number of days"]),
        ('[trash]\nmax_size = "lots"\n', ["line 2: trash.max_size = lots: should be a size such as"]),
        ("[trash]\ndys = 3\n", ["line 2: there is no setting called trash.dys; is it days?"]),
        ('[keys]\nfly = "f"\n', ["line 2: there is no action called 'fly'"]),
        ("[keys]\nhold = 5\n", ["line 2: keys.hold = 5: should be a key, or a list of keys"]),
        ('[keys]\nhold = "d"\n', ["line 2: d already means Delete; hold keeps its key"]),
        ('[keys]\nhold = "ctrl+q"\n', ["line 2: ctrl+q already means leaving mtatui"]),
        ('[keys]\nhold = "x"\ndelete = "x"\n', ["line 3: x already means Hold; delete keeps its key"]),
        ('[keys]\nmore = "J"\n', ["line 2: J already means Next; more keeps its key"]),
        ('[keys]\nhold = "x"\ndelete = "h"\nbounce = "x"\n', ["line 4: x already means Hold"]),
        ('[filters]\nx = ""\n', ["line 2: filters.x = : should be one line of text"]),
        ('[[servers]]\nname = "a"\n[[servers]]\nhost = "b"\n', ["line 3: servers.1 needs a name"]),
        (
            '[[servers]]\nname = "a"\nhost = "-oProxyCommand=x"\n',
            ["line 3: servers.0.host = -oProxyCommand=x"],
        ),
        ("keys = 5\n", ["line 1: keys should be a table"]),
        ("theme = [", ["passed over", "line 1"]),
        ("x = 1\nx = 2", ["passed over", "line 2"]),
        ("theme = " + "9" * 5000, ["passed over"]),
        ("theme = 0x" + "f" * 5000, ["line 1: theme = …: should be one of"]),
        (b'theme = "n\xff"\n', ["line 1: not UTF-8"]),
        ("#" * 2**21, ["larger than 1 MiB"]),
        ('theme = "\\u001b]0;x\\u0007[/x]"\n', ["line 1: theme"]),
    ],
)
def test_a_mistake_is_told_with_its_place_and_costs_only_itself(
    home: Path, text: str | bytes, told: list[str]
) -> None:
    config = read(home, text)
    said = "\n".join(config.problems)
    for words in told:
        assert words in said
    assert all(problem.startswith(f"{home / 'mtatui' / 'config.toml'}") for problem in config.problems)
    assert all(problem.isprintable() for problem in config.problems)
    assert config.theme == "textual-dark"


def test_what_is_right_beside_a_mistake_holds(home: Path) -> None:
    config = read(
        home, GOOD.replace('"nord"', "5").replace('"from"]', '"nose"]').replace("sudo = true", "sudo = 7")
    )
    assert len(config.problems) == 3
    assert (config.theme, config.read_only, config.trash_days) == ("textual-dark", True, 3)
    assert config.columns == ("id", "age")
    assert [s.name for s in config.servers] == ["mx2"]


def test_keys_that_do_not_meet_do_not_clash(home: Path) -> None:
    # J is the message screen's; n goes to the next place there; neither is known to the queue.
    config = read(home, '[keys]\nsaved = "J"\nflush = "n"\n')
    assert config.problems == ()
    assert config.keymap == {"saved": "J", "flush": "n"}


def test_a_file_that_may_not_be_read_is_said(home: Path) -> None:
    (home / "mtatui" / "config.toml").mkdir(parents=True)
    config = load({"XDG_CONFIG_HOME": str(home)}, home / "none")
    assert "could not be read (Is a directory)" in config.problems[0]


def test_where_the_file_lies() -> None:
    assert user_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/mtatui/config.toml")
    assert user_file({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}) == Path("/h/.config/mtatui/config.toml")


def test_keys_are_called_as_textual_calls_them() -> None:
    from textual.keys import _character_to_key

    for code in range(0x20, 0x7F):
        if (char := chr(code)) != ",":
            assert textual_name(char) == _character_to_key(char), char
    assert textual_name("ctrl+/") == "ctrl+slash"
    assert textual_name("ctrl++") == "ctrl+plus"
    assert textual_name("ctrl+shift+f5") == "ctrl+shift+f5"


def test_names_agree_with_those_who_own_them() -> None:
    from textual.theme import BUILTIN_THEMES

    from mtatui.config.schema import COLUMNS, SORTS, THEMES
    from mtatui.queue.index import SortField
    from mtatui.screens import queue_columns

    assert set(THEMES) == set(BUILTIN_THEMES)
    assert {column.id for column in queue_columns.COLUMNS} == set(COLUMNS)
    assert set(SORTS) == set(SortField)


def test_without_a_file_nothing_is_imported_to_read_one(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mtatui.config import load\n"
        "load({'HOME': '/nowhere'}, Path('/no'))\n"
        "print([m for m in ('pydantic', 'tomllib', 'tomlkit', 'textual') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@settings(deadline=None, max_examples=200)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*GOOD.splitlines(), "[[", "= 5", "keys = 1"])).map("\n".join)
)
def test_no_text_stops_the_start(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("config")
    config = read(home, text.encode("utf-8", "replace"))
    assert all(problem.isprintable() for problem in config.problems)


# --- changing it ---


def test_saving_keeps_comments_order_and_mode(home: Path) -> None:
    path = home / "mtatui" / "config.toml"
    text = "# mine\n" + GOOD.replace('big = "size>1M"', 'big = "size>1M"  # huge')
    read(home, text)
    path.chmod(0o640)
    save(path, ("filters", "new one"), 'from:"a b"')
    save(path, ("columns",), ["age", "to"])
    save(path, ("filters", "stuck mail"), None)
    saved = path.read_text()
    assert "# mine\n" in saved
    assert 'big = "size>1M"  # huge' in saved
    assert saved.index("[filters]") < saved.index("[keys]") < saved.index("[[servers]]")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    config = read(home, None)
    assert config.problems == ()
    assert config.filters == {"big": "size>1M", "new one": 'from:"a b"'}
    assert config.columns == ("age", "to")


def test_saving_begins_a_file_for_the_user_alone(home: Path) -> None:
    path = home / "mtatui" / "config.toml"
    save(path, ("filters", "big"), "size>1M")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read(home, None).filters == {"big": "size>1M"}
    assert os.listdir(path.parent) == ["config.toml"]


def test_saving_through_a_link_keeps_the_link(home: Path, tmp_path: Path) -> None:
    path = home / "mtatui" / "config.toml"
    path.parent.mkdir(parents=True)
    real = tmp_path / "dotfiles.toml"
    real.write_text("read_only = true\n")
    path.symlink_to(real)
    save(path, ("theme",), "nord")
    assert path.is_symlink()
    assert real.read_text() == 'read_only = true\ntheme = "nord"\n'


def test_a_server_that_is_half_right_is_no_server(home: Path) -> None:
    config = read(home, '[[servers]]\nname = "a"\nhost = "x y"\n[[servers]]\nname = "b"\nsudoo = true\n')
    assert [server.name for server in config.servers] == ["b"]
    assert [problem.partition(", ")[2] for problem in config.problems] == [
        "line 3: servers.0.host = x y: should be a host, or user@host; it was passed over.",
        "line 6: there is no setting called servers.1.sudoo; is it sudo?",
    ]


@pytest.mark.parametrize("text", ["theme = [", "filters = 5\n"])
def test_a_file_with_a_mistake_is_left_alone(home: Path, text: str) -> None:
    read(home, text)
    path = home / "mtatui" / "config.toml"
    with pytest.raises(NotWritten, match="was left as it is"):
        save(path, ("filters", "x"), "y")
    assert path.read_text() == text
    assert os.listdir(path.parent) == ["config.toml"]


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="could not be written"):
        save(tmp_path / "file" / "config.toml", ("theme",), "nord")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip))
def test_any_filter_reads_back(tmp_path_factory: pytest.TempPathFactory, query: str) -> None:
    home = tmp_path_factory.mktemp("config")
    save(home / "mtatui" / "config.toml", ("filters", query), query)
    assert read(home, None).filters == {query.strip(): query.strip()}
