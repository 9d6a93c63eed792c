"""Servers from an Ansible inventory, a plain list, the command line; and the instances postmulti lists."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.config import ServerEntry
from mtatui.fleet.instances import Instance, parse
from mtatui.fleet.inventory import Unreadable, listed, read
from mtatui.fleet.members import NAME

INI = """
# the fleet
lone.example.com

[mx]
mx[01:03].example.com ansible_user=root
edge ansible_host=192.0.2.7 ansible_port=2222 ansible_user="postmaster"  # behind the wall
v6 ansible_host=2001:db8::1 ansible_port=2222

[lists]
list-[a:b]
edge

[mail:children]
mx
lists

[mail:vars]
ansible_become=true
[lists:vars]
ansible_user = listmaster
[local]
here ansible_connection=local
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Writes a file; there is no ansible-inventory."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def written(text: str, name: str = "hosts") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return written


def test_an_inventory_in_ini_form_with_ranges_groups_and_variables(write: Callable[..., str]) -> None:
    entries = {entry.name: entry for entry in read(write(INI))}
    assert entries == {
        entry.name: entry
        for entry in (
            ServerEntry("lone.example.com", "lone.example.com"),
            *(
                ServerEntry(f"mx0{n}.example.com", f"root@mx0{n}.example.com", tags=("mail", "mx"))
                for n in (1, 2, 3)
            ),
            ServerEntry("edge", "ssh://postmaster@192.0.2.7:2222", True, tags=("lists", "mail", "mx")),
            ServerEntry("v6", "ssh://[2001:db8::1]:2222", True, tags=("mail", "mx")),
            ServerEntry("list-a", "listmaster@list-a", True, tags=("lists", "mail")),
            ServerEntry("list-b", "listmaster@list-b", True, tags=("lists", "mail")),
            ServerEntry("here", "localhost", tags=("local",)),
        )
    }


def test_a_plain_list_and_one_with_commas() -> None:
    assert listed("mx1, root@mx2.example.com:2222,,") == [
        ServerEntry("mx1", "mx1"),
        ServerEntry("mx2.example.com", "ssh://root@mx2.example.com:2222"),
    ]


def test_a_plain_list_in_a_file(write: Callable[..., str]) -> None:
    assert read(write("# ours\nmx1\nroot@mx2\n")) == [
        ServerEntry("mx1", "mx1"),
        ServerEntry("mx2", "root@mx2"),
    ]


def test_what_ansible_itself_says_is_taken_where_it_is_installed(
    write: Callable[..., str], tmp_path: Path
) -> None:
    said = {
        "_meta": {"hostvars": {"mx1": {"ansible_host": "192.0.2.1", "ansible_port": 22}}},
        "all": {"children": ["ungrouped", "mx"]},
        "mx": {"hosts": ["mx1", "mx2"]},
    }
    inventory = write("plugin: cloud", "cloud.yml")
    program = tmp_path / "ansible-inventory"
    program.write_text(f"#!/bin/sh\ntest \"$2\" = {inventory} && /bin/echo '{json.dumps(said)}'\n")
    program.chmod(0o755)
    assert read(inventory) == [
        ServerEntry("mx1", "192.0.2.1", tags=("mx",)),
        ServerEntry("mx2", "mx2", tags=("mx",)),
    ]
    program.write_text("#!/bin/sh\necho 'ERROR! no such plugin' >&2\nexit 1\n")
    with pytest.raises(Unreadable, match="ERROR! no such plugin"):
        read(inventory)
    program.write_text("#!/bin/sh\necho '[]'\n")
    with pytest.raises(Unreadable, match="something else than expected"):
        read(inventory)


def test_yaml_is_read_where_pyyaml_is_and_else_said_in_words(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = write("the text", "hosts.yml")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Unreadable, match="takes ansible-inventory, or PyYAML"):
        read(inventory)
    tree = {
        "all": {
            "vars": {"ansible_user": "root"},
            "children": {
                "mx": {"hosts": {"mx[1:2]": None}},
                "edge": {"hosts": {"e1": {"ansible_user": "me"}}},
            },
        }
    }
    loaded = SimpleNamespace(safe_load={"the text": tree}.__getitem__, YAMLError=KeyError)
    monkeypatch.setitem(sys.modules, "yaml", loaded)
    assert read(inventory) == [
        ServerEntry("mx1", "root@mx1", tags=("mx",)),
        ServerEntry("mx2", "root@mx2", tags=("mx",)),
        ServerEntry("e1", "me@e1", tags=("edge",)),
    ]
    with pytest.raises(Unreadable, match=r"hosts2\.yml"):
        read(write("another", "hosts2.yml"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no host in it"),
        ("mx1 'open", "line 1: No closing quotation"),
        ("mx[1:9999]x[1:9999]", "line 1: more than 5,000 hosts"),
        ("mx[a:99]", "line 1: .* no range"),
        ("\n-oProxyCommand=x", "no host, nor user@host"),
        ("mx1 ansible_host='a b'", "no host, nor user@host"),
        ("mx1 ansible_port=ssh", "no port"),
        ("root@mx1\nadmin@mx1", "two servers would be called mx1"),
    ],
)
def test_what_is_no_inventory_is_refused_in_words(write: Callable[..., str], text: str, why: str) -> None:
    path = write(text)
    with pytest.raises(Unreadable, match=f"{re.escape(path)}.*{why}"):
        read(path)


def test_a_file_that_is_not_there_or_a_program(write: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        read(str(tmp_path / "none"))
    program = write("#!/bin/sh\n")
    Path(program).chmod(0o755)
    with pytest.raises(Unreadable, match="only ansible-inventory"):
        read(program)


@given(st.text(max_size=200))
def test_whatever_stands_in_a_list_gives_names_that_are_fit_or_words(text: str) -> None:
    try:
        entries = listed(text)
    except Unreadable:
        return
    assert len({entry.name for entry in entries}) == len(entries) > 0
    for entry in entries:
        assert NAME.fullmatch(entry.name)
        assert entry.host
        assert not entry.host.startswith("-")


def test_what_postmulti_lists() -> None:
    listed = (
        "-               -               y         /etc/postfix\n"
        "postfix-out     mta             y         /etc/postfix-out\n"
        "postfix-old     -               n         /etc/postfix-old\n"
    )
    assert parse(listed) == [
        Instance("", "", True, "/etc/postfix"),
        Instance("postfix-out", "mta", True, "/etc/postfix-out"),
        Instance("postfix-old", "", False, "/etc/postfix-old"),
    ]
