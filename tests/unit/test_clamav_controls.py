"""ClamAV's settings as plans: what is written, what stays, who takes it, what is refused and warned of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mtatui.backends import planning
from mtatui.backends.filters.clamd import Clamd
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.freshclam import Freshclam
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.own_signatures import adding
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Filters
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Plan
from tests.unit.configured import file, source

CLAMD, FRESHCLAM, OWN = "/etc/clamav/clamd.conf", "/etc/clamav/freshclam.conf", "/var/lib/clamav/own.ndb"
CLAMD_CONF = b"# anna\nLocalSocket /run/clamav/clamd.ctl\nAlertEncrypted true\n"
FRESHCLAM_CONF = b"Checks 24\n# two\nDatabaseMirror db.local.clamav.net\nDatabaseMirror database.clamav.net\n"


def reading(manager: Manager = Manager.SYSV, *, cron: bool = True, managed: bool = True) -> Reading:
    """A server with clamd and freshclam, and one file of signatures of its own."""
    files = {CLAMD: file(CLAMD_CONF), FRESHCLAM: file(FRESHCLAM_CONF), OWN: file(b"Own:0:*:61626364\n")}
    units = {"clamd": Unit(manager, "clamav-daemon"), "freshclam": Unit(manager, "clamav-freshclam")}
    filters = Filters(
        Places(), files, manager, clamd=Clamd(CLAMD, Conf.parse(CLAMD_CONF)),
        freshclam=Freshclam(FRESHCLAM, Conf.parse(FRESHCLAM_CONF), own=("own.ndb",), cron=cron),
        units=units if managed else {},
    )  # fmt: skip
    postfix = replace(source(), filters=filters)
    return Reading("mail", 0.0, planning.current(postfix), source=postfix)


def plan(found: Reading, **changes: Any) -> Plan:
    return planning.plan(found, {f"filtering.{name}": value for name, value in changes.items()})


def written(made: Plan) -> dict[str, bytes | None]:
    return {edit.path: edit.after for edit in made.edits}


def test_what_is_set() -> None:
    current = reading().current
    assert current["filtering.block_encrypted_archives"].value is True
    assert current["filtering.database_mirrors"].value == ("db.local.clamav.net", "database.clamav.net")
    assert "database.clamav.net today" in current["filtering.database_mirrors"].note
    assert current["filtering.custom_signatures"].value == ("own.ndb",)
    assert current["filtering.update_frequency"].value == 3600


def test_encrypted_archives_by_the_name_of_today() -> None:
    made = plan(reading(), block_encrypted_archives=False)
    text = (written(made)[CLAMD] or b"").decode()
    assert text.startswith("# anna\nLocalSocket /run/clamav/clamd.ctl\nAlertEncrypted no\n")
    assert "AlertEncryptedArchive no\n" in text
    assert "AlertEncryptedDoc yes\n" in text, "documents were blocked, and stay so"
    [care] = made.care
    assert [str(command) for command in care.take] == ["service clamav-daemon restart"]
    assert care.probe is not None
    assert care.probe.address == "/run/clamav/clamd.ctl"


def test_mirrors_in_their_order_and_nothing_else_touched() -> None:
    made = plan(reading(), database_mirrors=("http://m.example:8080/clam", "database.clamav.net"))
    assert written(made) == {
        FRESHCLAM: b"Checks 24\n# two\nDatabaseMirror http://m.example:8080/clam\n"
        b"DatabaseMirror database.clamav.net\n"
    }
    with pytest.raises(Refused, match="does not run without a mirror"):
        plan(reading(), database_mirrors=())


@pytest.mark.parametrize("bad", ["m.example\nOnErrorExecute /bin/sh", 'm"x', "m\x00", "m\u2028x"])
def test_what_such_a_file_cannot_hold_is_refused_whoever_comes_by(bad: str) -> None:
    with pytest.raises(Refused, match="cannot hold"):
        plan(reading(), database_mirrors=(bad,))


def test_what_freshclam_holds_it_does_itself() -> None:
    made = plan(reading(), update_frequency=7200)
    assert (written(made)[FRESHCLAM] or b"").startswith(b"Checks 12\n")
    assert [str(one) for care in made.care for one in care.take] == ["service clamav-freshclam restart"]
    assert made.cautions == ()


def test_else_cron_or_a_timer() -> None:
    made = plan(reading(), update_frequency=3 * 604800)
    assert list(written(made)) == ["/etc/cron.d/clamav-freshclam"]
    made = plan(reading(Manager.SYSTEMD), update_frequency=420, database_mirrors=("http://m.example",))
    assert sum(path.startswith("/etc/systemd/system/") for path in written(made)) == 4
    assert "OnUnitActiveSec=420s" in "\n".join(made.diff())
    assert "systemctl restart mtatui-freshclam.timer" in made.commands()
    assert made.cautions == (), "a mirror of one's own may be asked as often as one likes"


def test_who_cannot_hold_it_says_so() -> None:
    with pytest.raises(Refused, match="whole minutes"):
        plan(reading(), update_frequency=100_000 + 1)
    with pytest.raises(Refused, match="neither systemd nor cron"):
        plan(reading(cron=False), update_frequency=420)
    with pytest.raises(Refused, match="nobody here manages services"):
        plan(reading(managed=False), update_frequency=420)


def test_public_mirrors_are_not_asked_all_the_time_without_a_warning() -> None:
    [caution] = plan(reading(), update_frequency=1800).cautions
    assert caution.grave
    assert "once an hour" in caution.text
    [caution] = plan(reading(Manager.SYSTEMD), update_frequency=420).cautions
    assert caution.grave


def test_a_file_of_ones_own_comes_and_goes() -> None:
    found = reading()
    made = adding(found, "new.ldb", b"x")
    [edit] = made.edits
    assert (edit.path, edit.before, edit.after, edit.mode) == ("/var/lib/clamav/new.ldb", None, b"x", 0o644)
    [care] = made.care
    assert "--database=STAGE/new.ldb" in str(care.checks[0])
    assert "Subject: Tuesday" in care.checks[0].input, "it is tried on an ordinary message"
    assert str(care.take[0]) == "service clamav-daemon reload-database"
    assert care.take[0].awaits
    gone = plan(found, custom_signatures=())
    assert written(gone) == {OWN: None}
    assert gone.care[0].checks == ()
    with pytest.raises(Refused, match="there is no other"):
        plan(found, custom_signatures=("own.ndb", "other.ndb"))


@pytest.mark.parametrize(
    "name", ["../x.ndb", "x;id.ndb", "x y.ndb", "-x.ndb", "x.exe", "x.ndb\n", "main.ndb", ""]
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(Refused):
        adding(reading(), name, b"x")
