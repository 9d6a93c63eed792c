"""Changes of the daemons beside Postfix as plans: which files, what care, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from mtatui.backends import planning, undoing
from mtatui.backends.filters.care import care
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Filters, Written
from mtatui.backends.history import Entry, FileChange
from mtatui.backends.host import File, HostError, Missing, NotPermitted
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import NOT_READ, Current, Finding, Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import MASK, Care, Command, Edit, Plan, Probe
from mtatui.settings.staged import Staged
from tests.unit.configured import file, source

CONF, KEY = "/etc/daemon.conf", "/etc/keys/one"
RESTART, RELOAD = Command(("service", "clamd", "restart")), Command(("service", "clamd", "reload"))
PROBE = Probe("clamd", "clamd", "/run/clamd.ctl")


@dataclass(frozen=True)
class Fake:
    """A daemon with files that are written just so."""

    files: Mapping[str, Written]
    cares: tuple[Care, ...] = (Care("clamd", take=(RESTART,), probe=PROBE),)

    def written(self) -> Mapping[str, Written]:
        return self.files

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterable[Care]:
        return self.cares if edited.keys() & self.files.keys() else ()

    def findings(self, reading: PostfixReading) -> Iterable[Finding]:
        return ()


def fake(*cares: Care, **files: Written) -> Any:
    """One whose files are named so below /etc."""
    paths = {f"/etc/{name}": what for name, what in files.items()}
    return Fake(paths, cares) if cares else Fake(paths)


def read(files: Mapping[str, bytes | HostError], component: Any) -> PostfixReading:
    """A Postfix with a daemon beside it."""
    found = {path: data if isinstance(data, HostError) else file(data) for path, data in files.items()}
    return replace(source(), filters=Filters(Places(), found, clamd=component))


def changed(before: PostfixReading, **files: Written) -> Draft:
    """A draft in which the daemon's files are otherwise."""
    draft = Draft(before)
    draft.filters = replace(draft.filters, clamd=fake(**files))
    return draft


# -- edits ---------------------------------------------------------------------------------------------------


def test_only_files_that_differ_are_edited() -> None:
    before = read({"/etc/a": b"1", "/etc/b": b"2"}, fake(a=Written(b"1"), b=Written(b"2")))
    assert Draft(before).edits() == ()
    [edit] = changed(before, a=Written(b"1"), b=Written(b"3")).edits()
    assert (edit.path, edit.before, edit.after) == ("/etc/b", b"2", b"3")
    there = before.filters and before.filters.files["/etc/b"]
    assert isinstance(there, File)
    assert edit.tag == there.tag


def test_new_files_have_mode_owner_and_secrets_and_those_that_go_go_last() -> None:
    before = read({"/etc/old": b"x"}, fake(old=Written(b"x")))
    new = Written(b"key", 0o600, ("key",), "opendkim:opendkim")
    edits = changed(before, old=Written(None), new=new, never=Written(None)).edits()
    assert [edit.path for edit in edits] == ["/etc/new", "/etc/old"]
    assert (edits[0].mode, edits[0].owner, edits[0].secrets) == (0o600, "opendkim:opendkim", ("key",))
    assert edits[1].after is None


def test_a_file_that_may_not_be_read_is_not_written() -> None:
    before = read({"/etc/a": NotPermitted("/etc/a may not be read by this user.")}, fake())
    with pytest.raises(Refused, match="may not be read"):
        changed(before, a=Written(b"1")).edits()


def test_filters_that_were_not_read_cannot_be_changed() -> None:
    unread = replace(source(), filters=None)
    with pytest.raises(Refused, match="not read yet"):
        _ = Draft(unread).filters
    key = next(key for key, setting in ALL.items() if setting.filters)
    assert key not in planning.current(unread)
    reading = Reading("mx", 0.0, planning.current(unread), source=unread)
    assert reading.of(ALL[key]) is NOT_READ
    with pytest.raises(Refused, match="not read yet"):
        planning.plan(reading, {key: True})


@pytest.mark.parametrize("type", ["RSA ", "", "EC "])
def test_a_private_key_is_never_shown(type: str) -> None:
    key = f"a\n-----BEGIN {type}PRIVATE KEY-----\nTOP\nSECRET\n-----END {type}PRIVATE KEY-----\nb\n".encode()
    for before, after in ((None, key), (key, None), (key, key.replace(b"TOP", b"TIP")), (b"", key[:50])):
        shown = "\n".join(Edit(KEY, before, after).diff())
        assert MASK in shown
        assert not {"TOP", "TIP", "SECRET"} & set(shown.split())


# -- plans ---------------------------------------------------------------------------------------------------


def finished(draft: Draft) -> Plan:
    return planning.finished("mx", draft, ())


def test_postfix_is_left_alone_where_nothing_of_it_changes() -> None:
    before = read({"/etc/a": b"1"}, fake(a=Written(b"1")))
    plan = finished(changed(before, a=Written(b"2")))
    assert [edit.path for edit in plan.edits] == ["/etc/a"]
    assert (plan.checks, plan.reload, plan.probes, plan.relied_on) == ((), (), (), ())
    assert plan.commands() == ["service clamd restart", "probe /run/clamd.ctl (clamd)"]
    assert not plan.empty


def test_both_the_daemon_first() -> None:
    draft = changed(read({"/etc/a": b"1"}, fake(a=Written(b"1"))), a=Written(b"2"))
    draft.set("smtpd_helo_required", "yes")
    plan = finished(draft)
    assert [edit.path for edit in plan.edits] == ["/etc/a", "/etc/postfix/main.cf"]
    commands = list(plan.commands())
    assert commands.index("service clamd restart") < commands.index("postfix -c /etc/postfix reload")
    assert [path for path, _ in plan.relied_on] == ["/etc/postfix/master.cf"]


def test_postfix_alone_needs_no_care() -> None:
    draft = Draft(read({"/etc/a": b"1"}, fake(a=Written(b"1"))))
    draft.set("smtpd_helo_required", "yes")
    assert finished(draft).care == ()
    plain = Draft(replace(source(), filters=None))
    plain.set("smtpd_helo_required", "yes")
    assert finished(plain).edits == finished(draft).edits


def test_what_two_want_of_one_daemon_is_done_once() -> None:
    check = Command(("check",))
    mine = Care("clamd", (check,), take=(RESTART,), probe=PROBE, patience=9.0, words="x")
    theirs = Care("clamd", (check,), take=(RESTART, RELOAD), patience=60.0, logs=("/log",), words="x")
    filters = Filters(
        Places(), {}, clamd=fake(mine, Care("amavis"), a=Written(b"")), freshclam=fake(theirs, a=Written(b""))
    )
    found = care([Edit("/etc/a", None, b"")], filters)
    assert [one.service for one in found] == ["clamd", "amavis"], "who is asked comes before who asks"
    assert found[0] == Care(
        "clamd", (check,), take=(RESTART, RELOAD), probe=PROBE, patience=60.0, logs=("/log",), words="x"
    )
    assert care([Edit("/etc/b", None, b"")], filters) == ()


def test_a_staged_file_is_called_by_its_name() -> None:
    assert str(Command(("clamd", "--config-file={file:/etc/clamav/clamd.conf}"))) == (
        "clamd --config-file=STAGE/clamd.conf"
    )


# -- back ----------------------------------------------------------------------------------------------------


def entry(*files: FileChange, **more: Any) -> Entry:
    return Entry("240101-s000", 0.0, "ada", "mx", (), (), (), (), files, **more)


def test_an_undo_brings_bytes_mode_and_owner_and_takes_care_of_the_daemon() -> None:
    """What is done then is what the daemon needs with the old files."""
    now = read({"/etc/a": b"2"}, fake(a=Written(b"2")))
    restart = Care("clamd", take=(Command(("service", "clamd", "as-of-then")),))
    then = replace(cast(Any, now.filters), clamd=fake(restart, a=Written(b"1")))
    one = entry(
        FileChange("/etc/a", None, file(b"2").tag.digest),
        FileChange("/etc/b", "x", None, 0o600, "105:110"),
    )
    files: dict[str, File | HostError] = {"/etc/a": file(b"2"), "/etc/b": Missing("There is no /etc/b.")}
    reading = Reading("mx", 0.0, {}, source=now)
    plan = undoing.plan(reading, one, {"/etc/a": b"1", "/etc/b": b"key"}, files, then)
    edits = {edit.path: edit for edit in plan.edits}
    assert (edits["/etc/a"].before, edits["/etc/a"].after) == (b"2", b"1")
    assert (edits["/etc/b"].after, edits["/etc/b"].mode, edits["/etc/b"].owner) == (b"key", 0o600, "105:110")
    assert plan.care == (restart,)
    assert plan.reload == ()
    assert plan.undoes == one.id


# -- what is staged over readings with and without filters ---------------------------------------------------


def test_what_was_staged_outlives_a_reading_without_it() -> None:
    def reading(**values: Any) -> Reading:
        return Reading("mx", 0.0, {key: Current(value, None) for key, value in values.items()})

    staged = Staged(reading(a=1, b=1))
    staged.stage("b", 2)
    assert staged.rebase(reading(a=1)) == ()
    assert (staged.value("b"), staged.value("c")) == (2, None)
    assert staged.rebase(reading(a=1, b=1)) == ()
    assert staged.rebase(reading(a=1)) == ()
    assert staged.rebase(reading(a=1, b=3)) == ("b",), "somebody changed it while it was not read"
    assert staged.rebase(reading(a=1)) == ()
    assert staged.rebase(reading(a=1, b=2)) == ()
    assert dict(staged) == {}, "it has become what was wanted"
    early = Staged(reading(a=1))
    early.stage("b", 2)
    assert early.rebase(reading(a=1, b=1)) == ()
    assert dict(early) == {"b": 2}
