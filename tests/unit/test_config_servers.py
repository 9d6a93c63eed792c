"""Servers in the config file: written down, changed and taken out, with everything else left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.config import Config, ServerEntry, load
from mtatui.config.schema import server_of
from mtatui.config.writing import NotWritten, put_server, remove_server

TWO = """\
# my servers
theme = "nord"

# the old one
[[servers]]
name = "mx1"  # in the cellar
sudo = true

# the one in Berlin
[[servers]]
name = "mx2"
host = "admin@mx2.example.test"
tags = [
    "in",
    "berlin",
]

[keys]  # of mine
hold = "x"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mtatui" / "config.toml"
    path.parent.mkdir()
    path.write_text(TWO, "utf-8")
    return path


def read(path: Path) -> Config:
    config = load({"XDG_CONFIG_HOME": str(path.parent.parent)}, path.parent / "none")
    assert config.problems == ()
    return config


def test_a_new_server_stands_behind_the_others(file: Path) -> None:
    before = read(file)
    put_server(file, ServerEntry("mx3", "mx3.example.test", True, "/etc/postfix-in", ("in", "new")))
    assert read(file).servers == (
        *before.servers,
        ServerEntry("mx3", "mx3.example.test", True, "/etc/postfix-in", ("in", "new")),
    )
    assert [line for line in TWO.splitlines() if line not in file.read_text("utf-8")] == []


def test_the_first_server_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "mtatui" / "config.toml"
    put_server(path, ServerEntry("mx1", "mx1"))
    assert path.read_text("utf-8") == '[[servers]]\nname = "mx1"\nhost = "mx1"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    put_server(path, ServerEntry("here"))
    assert [entry.name for entry in read(path).servers] == ["mx1", "here"]
    assert '"mx1"\n\n[[servers]]\nname = "here"\n' in path.read_text("utf-8")


def test_a_server_is_changed_in_its_place(file: Path) -> None:
    put_server(file, ServerEntry("cellar", "mx1.example.test", tags=("old",)), instead_of="mx1")
    config = read(file)
    assert config.servers[0] == ServerEntry("cellar", "mx1.example.test", tags=("old",))
    assert config.servers[1].name == "mx2"
    text = file.read_text("utf-8")
    for comment in ("# my servers", "# the old one", "# in the cellar", "# the one in Berlin", "# of mine"):
        assert comment in text


def test_a_server_goes_and_the_comments_stay(file: Path) -> None:
    remove_server(file, "mx1")
    config = read(file)
    assert [entry.name for entry in config.servers] == ["mx2"]
    assert (config.theme, config.keymap) == ("nord", {"hold": "x"})
    text = file.read_text("utf-8")
    assert text.index("# the one in Berlin") < text.index("[[servers]]")
    remove_server(file, "mx2")
    assert read(file) == Config(theme="nord", keymap={"hold": "x"}, path=file)
    assert "servers]" not in file.read_text("utf-8")
    assert "[keys]  # of mine" in file.read_text("utf-8")


def test_servers_in_one_line(file: Path) -> None:
    file.write_text('servers = [{name = "a"}, {name = "b", host = "b.test"}]  # both\n', "utf-8")
    put_server(file, ServerEntry("c", "c.test"))
    put_server(file, ServerEntry("a", "a.test"), instead_of="a")
    remove_server(file, "b")
    assert read(file).servers == (ServerEntry("a", "a.test"), ServerEntry("c", "c.test"))
    assert "# both" in file.read_text("utf-8")


def test_what_is_not_so_changes_nothing(file: Path) -> None:
    with pytest.raises(NotWritten, match=r"called mx1 in .* already"):
        put_server(file, ServerEntry("mx1", "elsewhere"))
    with pytest.raises(NotWritten, match=r"called mx2 in .* already"):
        put_server(file, ServerEntry("mx2"), instead_of="mx1")
    with pytest.raises(NotWritten, match="no server called mx9"):
        put_server(file, ServerEntry("mx9"), instead_of="mx9")
    with pytest.raises(NotWritten, match="no server called mx9"):
        remove_server(file, "mx9")
    assert file.read_text("utf-8") == TWO
    file.write_text("servers = 5\n", "utf-8")
    with pytest.raises(NotWritten):
        put_server(file, ServerEntry("a"))
    with pytest.raises(NotWritten):
        remove_server(file, "a")
    assert file.read_text("utf-8") == "servers = 5\n"


def test_a_server_as_it_is_typed() -> None:
    assert server_of({"name": "mx1", "host": "root@mx1", "tags": ["in"]}) == ServerEntry(
        "mx1", "root@mx1", tags=("in",)
    )
    with pytest.raises(ValueError, match="host = -oProxyCommand=x: should be a host"):
        server_of({"name": "mx1", "host": "-oProxyCommand=x"})
    with pytest.raises(ValueError, match="name = mx/1: should be a name"):
        server_of({"name": "mx/1"})


def test_the_configuration_of_ssh(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    file.write_text('ssh_config = "~/.ssh/servers"\n', "utf-8")
    assert read(file).ssh_config == "/home/me/.ssh/servers"
    file.write_text('ssh_config = "servers"\n', "utf-8")
    config = load({"XDG_CONFIG_HOME": str(file.parent.parent)}, file.parent / "none")
    assert config.ssh_config == ""
    assert "line 1: ssh_config = servers: should be a file, from / or ~/ on" in config.problems[0]


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
ENTRIES = st.builds(
    ServerEntry,
    NAMES,
    st.sampled_from(["localhost", "mx.test", "admin@[::1]"]),
    st.booleans(),
    st.sampled_from(["", "/etc/post fix", '/etc/"x"']),
    st.lists(st.sampled_from(["in", "out", "ö\"'"]), max_size=2).map(tuple),
)


@given(st.lists(ENTRIES, unique_by=lambda entry: entry.name, max_size=4), st.data())
def test_whatever_is_written_is_read_and_goes_again(
    tmp_path_factory: pytest.TempPathFactory, entries: list[ServerEntry], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("config") / "mtatui" / "config.toml"
    path.parent.mkdir()
    path.write_text("# first\n[keys]\nhold = 'x'\n# last\n", "utf-8")
    for entry in entries:
        put_server(path, entry)
    assert read(path).servers == tuple(entries)
    for entry in data.draw(st.permutations(entries)):
        remove_server(path, entry.name)
        entries = [other for other in entries if other.name != entry.name]
        assert read(path).servers == tuple(entries)
    assert path.read_text("utf-8").startswith("# first\n[keys]\nhold = 'x'\n# last\n")
