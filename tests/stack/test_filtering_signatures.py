"""The page's signatures: fetched from a mirror on loopback, as often as is set, by who shall do it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mtatui.settings.kinds import Refused
from tests.stack.filtering import Filtering
from tests.stack.machine import Machine, letter

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

#: How much faster time runs for freshclam, and for cron, which counts minutes.
FAST, FAST_CRON = 600, 84
BAD = b"a very bad word"
MINE = f"Mine:0:*:{BAD.hex()}\n".encode()
BY_HAND = """\
# anna: we have no way to the world
ExcludeDatabase main
ExcludeDatabase daily
ExcludeDatabase bytecode
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Filtering]:
    with Machine() as machine:
        conf = machine.path("/etc/clamav/freshclam.conf")
        conf.write_text(conf.read_text() + BY_HAND)
        script = machine.path("/etc/init.d/clamav-freshclam")
        startas = f"--exec $DAEMON --startas {hurried(machine, '/usr/bin/freshclam', FAST)} "
        script.write_text(script.read_text().replace("--exec $DAEMON ", startas))
        machine.mirror.files["mine.ndb"] = MINE
        machine.service("clamav-freshclam", "start")
        yield Filtering(machine)


def hurried(machine: Machine, program: str, times: int) -> str:
    """A program that starts this one, in a time that runs faster."""
    library = machine.run(["sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1"]).stdout.strip()
    fast = f"/run/fast-{program.rpartition('/')[2]}"
    machine.path(fast).write_text(
        f'#!/bin/sh\nexport LD_PRELOAD={library} FAKETIME="+0 x{times}"\nexec {program} "$@"\n'
    )
    machine.path(fast).chmod(0o755)
    return fast


def asked_at(page: Filtering, count: int) -> list[float]:
    """When the mirror was asked for the file, so many times from now on."""
    mirror, times = page.machine.mirror, list[float]()
    seen = len(mirror.requests)

    def enough() -> bool:
        nonlocal seen
        now = [path for path, _ in mirror.requests if path == "/mine.ndb"]
        if len(now) > seen:
            seen = len(now)
            times.append(time.monotonic())
        return len(times) >= count

    seen = len([path for path, _ in mirror.requests if path == "/mine.ndb"])
    page.machine.wait_until(enough, f"{count} times", 40)
    return times


def test_ones_own_signatures_come_from_a_mirror_at_the_frequency_that_is_set(page: Filtering) -> None:
    machine = page.machine
    plan = page.plan(
        custom_signatures=f"{machine.mirror.url}/mine.ndb private.ndb",
        database_mirrors=machine.mirror.url,
        update_frequency="30m",
    )
    assert [caution for caution in plan.cautions if "block" in caution.text] == []
    assert page.apply(plan).ok
    assert page.value("update_frequency") == "30m"
    times = asked_at(page, 2)
    assert times[1] - times[0] == pytest.approx(30 * 60 / FAST, abs=1.5)
    machine.wait_until(machine.path("/var/lib/clamav/mine.ndb").exists, "the file")

    def found() -> bool:
        return not page.send({"bad": letter("a", BAD.decode())})["bad"].arrived

    machine.wait_until(found, "clamd to know the signatures")
    assert page.send({"good": letter("a", "a good word")})["good"].arrived


def test_what_freshclam_cannot_do_cron_does(page: Filtering) -> None:
    machine = page.machine
    plan = page.plan(update_frequency="7m")
    assert any("/etc/cron.d/clamav-freshclam" in line for line in plan.diff())
    assert page.apply(plan).ok
    assert page.value("update_frequency") == "7m"
    assert not machine.pids("freshclam")
    hurry_cron(machine)
    times = asked_at(page, 2)
    assert times[1] - times[0] == pytest.approx(7 * 60 / FAST_CRON, abs=1.5)
    assert page.undo().ok
    assert page.value("update_frequency") == "30m"
    assert machine.service("clamav-freshclam", "status").returncode == 0
    assert not machine.path("/etc/cron.d/clamav-freshclam").exists()
    machine.kill("cron")


def hurry_cron(machine: Machine) -> None:
    """Start a cron in a time that runs faster, and have date(1) tell that time: cron's jobs know no other."""
    machine.run(["cp", "/usr/bin/date", "/run/date"])
    begun = int(machine.run(["/run/date", "+%s%3N"]).stdout)
    machine.run([hurried(machine, "/usr/sbin/cron", FAST_CRON)])
    elapsed = f"($(/run/date +%s%3N) - {begun})"
    machine.path("/run/fast-date").write_text(
        f"#!/bin/sh\necho $((({begun} + {elapsed} * {FAST_CRON}) / 1000))\n"
    )
    machine.path("/run/fast-date").chmod(0o755)
    machine.run(["mount", "--bind", "/run/fast-date", "/usr/bin/date"])


def test_too_often_for_public_mirrors_is_warned_of(page: Filtering) -> None:
    plan = page.plan(update_frequency="20m", database_mirrors="database.clamav.net")
    assert any(caution.grave and "block" in caution.text for caution in plan.cautions)


@pytest.mark.parametrize(
    "bad",
    ["http://h/a b", "http://h/a'b", 'http://h/a"b', "http://h/a\nb", "file://etc/x", "a/b.ndb", "`id`.ndb"],
)
def test_urls_that_would_be_more_than_one_word_are_refused(page: Filtering, bad: str) -> None:
    with pytest.raises(Refused):
        page.plan(custom_signatures=bad)
