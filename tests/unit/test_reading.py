"""Reading a configuration: three processes side by side, and what is made of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.host import Completed, HostError, Missing, NotPermitted
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.reading import read
from tests.unit import configured

ALL = """\
compatibility_level = 3.6
config_directory = {directory}
mydomain = example.com
myhostname = mail.example.com
mynetworks = 127.0.0.0/8 [::1]/128
myorigin = $myhostname
relayhost =
"""


class Said(LocalHost):
    """A host whose postconf says what it is told; no two of its processes end before all have begun."""

    def __init__(self, directory: Path, **answers: str) -> None:
        super().__init__("mx1")
        self.directory = directory
        self.answers = {"": ALL.format(directory=directory), "-d": "mail_version = 3.7.11\n", "-m": "hash\n"}
        self.answers |= {f"-{name}" if name != "all" else "": text for name, text in answers.items()}
        self.barrier = asyncio.Barrier(3)
        self.asked: list[list[str]] = []

    async def run(self, argv: Sequence[str], **_: Any) -> Completed:
        self.asked.append(list(argv))
        async with asyncio.timeout(10), self.barrier:
            option = argv[-1] if argv[-1] in self.answers else ""
        warning = b"postconf: warning: main.cf: unused parameter: foo=bar\n" if not option else b""
        return Completed(tuple(argv), 0, self.answers[option].encode(), warning, 0.01)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text("myhostname = mail.example.com\nfoo = bar\n")
    (tmp_path / "master.cf").write_text(configured.MASTER)
    return tmp_path


async def test_three_processes_side_by_side_are_enough(etc: Path) -> None:
    host = Said(etc)
    found = await read(host, str(etc))
    assert sorted(host.asked) == sorted(
        [["postconf", "-c", str(etc), *option] for option in ([], ["-d"], ["-m"])]
    )
    assert found.version == (3, 7, 11)
    assert found.types == {"hash"}
    assert found.warnings == ("postconf: warning: main.cf: unused parameter: foo=bar",)


async def test_the_directory_is_postfixs_own_where_none_is_given(etc: Path) -> None:
    host = Said(etc)
    found = await read(host, None)
    assert found.config_directory == str(etc)
    assert ["postconf"] in host.asked


async def test_what_main_cf_does_not_say_is_as_this_instance_works_it_out(etc: Path) -> None:
    found = await read(
        Said(etc, d="mail_version = 3.7.11\nmydomain = localdomain\nmail_name = Postfix\n"), str(etc)
    )
    assert found.explicit("mydomain") is None
    assert found.lookup("mydomain") == "example.com"
    assert found.lookup("mail_name") == "Postfix"
    assert found.lookup("no_such_parameter") is None
    assert found.effective("myorigin") == "mail.example.com"


async def test_tables_are_looked_at_with_what_they_were_compiled_into(etc: Path) -> None:
    (etc / "virtual").write_text("a@b c\n")
    (etc / "main.cf").write_text(
        f"virtual_alias_maps = hash:{etc}/virtual, proxy:regexp:$config_directory/other\n"
        "virtual_mailbox_maps = mysql:/not/this.cf\n"
    )
    networks = "mynetworks = 10.0.0.0/8, !/not/ours $config_directory/ours\n"
    found = await read(Said(etc, all=ALL.format(directory=etc) + networks), str(etc))
    files = {"/not/ours", f"{etc}/ours"}
    assert found.tables.keys() == {f"{etc}/virtual", f"{etc}/virtual.db", f"{etc}/other", *files}
    assert found.tables[f"{etc}/virtual"] == (etc / "virtual").stat().st_mtime_ns
    assert found.tables[f"{etc}/virtual.db"] is None


async def test_own_files_and_tables_that_are_looked_into_are_read(etc: Path) -> None:
    (etc / "mtatui").mkdir()
    (etc / "mtatui/client_ip").write_text("ours\n")
    (etc / "passwords").write_text("[mx] a:b\n")
    answers = ALL.format(directory=etc) + f"smtp_sasl_password_maps = hash:{etc}/passwords\n"
    found = await read(
        Said(etc, all=answers),
        str(etc),
        own=["mtatui/client_ip", "mtatui/none"],
        looked_into=["smtp_sasl_password_maps"],
    )
    assert found.file(f"{etc}/mtatui/client_ip") == b"ours\n"
    assert found.file(f"{etc}/passwords") == b"[mx] a:b\n"
    assert found.file(f"{etc}/mtatui/none") is None


async def test_without_a_main_cf_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"main\.cf"):
        await read(Said(tmp_path), str(tmp_path))


async def test_a_postconf_that_fails_says_why(etc: Path) -> None:
    class Broken(Said):
        async def run(self, argv: Sequence[str], **_: Any) -> Completed:
            said = b"postconf: fatal: open /nowhere/main.cf: No such file or directory\n"
            return Completed(tuple(argv), 1, b"", said, 0.01)

    with pytest.raises(HostError, match="no Postfix configuration"):
        await read(Broken(etc), str(etc))


async def test_a_service_says_otherwise(etc: Path) -> None:
    found = await read(Said(etc), str(etc))
    smtp, submission = found.services("smtpd")
    assert found.for_service(submission, "smtpd_tls_security_level") == "encrypt"
    assert found.for_service(smtp, "myorigin") == "mail.example.com"


def test_a_parameter_that_leads_back_to_itself_stays_as_it_is_written() -> None:
    found = configured.source("myorigin = $mydomain\nmydomain = $myorigin\n")
    assert found.effective("myorigin") == "$mydomain"


# -- files ---------------------------------------------------------------------------------------------------


async def test_files_are_told_apart_from_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_bytes(b"a = \xff\n")
    (tmp_path / "link").symlink_to("main.cf")
    names = ["main.cf", "link", "none", ".", "main.cf/x"]
    found = await LocalHost().files(str(tmp_path / name) for name in names)
    file, link, none, directory, below = found.values()
    assert not isinstance(file, HostError)
    assert not isinstance(link, HostError)
    assert file.data == link.data == b"a = \xff\n"
    assert file.tag == link.tag
    assert (file.tag.size, file.mode) == (6, (tmp_path / "main.cf").stat().st_mode & 0o7777)
    assert isinstance(none, Missing)
    assert isinstance(below, Missing)
    assert isinstance(directory, HostError)
    assert "no ordinary file" in str(directory)


async def test_a_tag_changes_with_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_text("a = b\n")
    before = (await LocalHost().files([str(path)]))[str(path)]
    path.write_text("a = c\n")
    after = (await LocalHost().files([str(path)]))[str(path)]
    assert not isinstance(before, HostError)
    assert not isinstance(after, HostError)
    assert before.tag.digest != after.tag.digest


async def test_what_a_file_is_can_be_asked_without_its_contents(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 100)
    found = (await LocalHost().files([str(tmp_path / "big")], contents=False))[str(tmp_path / "big")]
    assert not isinstance(found, HostError)
    assert (found.data, found.tag.digest, found.tag.size) == (b"", "", 100)


async def test_a_pipe_in_the_place_of_a_file_holds_nobody(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "main.cf")
    async with asyncio.timeout(5):
        found = await LocalHost().files([str(tmp_path / "main.cf")])
    assert isinstance(found[str(tmp_path / "main.cf")], HostError)


async def test_what_only_root_may_read_is_read_behind_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sudo is played by a program that runs its command; what may not be read is played, too."""
    import errno
    import os
    import stat

    from mtatui.backends import host_local, peek
    from mtatui.backends.host_sudo import SudoHost

    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "sudo").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    (bin / "sudo").chmod(stat.S_IRWXU)
    monkeypatch.setattr(host_local, "PATH", f"{bin}:{host_local.PATH}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(peek, "look", lambda path, contents=True: {"errno": errno.EACCES})
    secret = tmp_path / "relay_login"
    secret.write_bytes(b"[mx] a:\xff\n")
    found = (await SudoHost().files([str(secret)]))[str(secret)]
    assert not isinstance(found, HostError)
    assert found.data == b"[mx] a:\xff\n"
    (bin / "sudo").write_text('#!/bin/sh\necho "sudo: a password is required" >&2; exit 1\n')
    refused = (await SudoHost().files([str(secret)]))[str(secret)]
    assert isinstance(refused, NotPermitted)
    assert "visudo" in str(refused)
