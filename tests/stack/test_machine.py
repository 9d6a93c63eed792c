"""The private machine itself: mail goes its whole way, nothing shows outside, it ends with the tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dns.resolver
import pytest

from mtatui.backends.host import File, Missing
from tests.stack.machine import EICAR, GTUBE, INSIDE, ROOT, Machine, letter
from tests.stack.machine_world import NAMES

pytestmark = [pytest.mark.stack, pytest.mark.daemons]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine(opendkim=True, spamd=True) as machine:
        yield machine


def test_mail_goes_its_way_through_all_filters(machine: Machine) -> None:
    for message in (
        letter("clean"),
        letter("little", points=6.3),
        letter("much", points=6.31),
        letter("very much", GTUBE),
        letter("ill", attach=[("a.txt", EICAR)]),
        letter("program", attach=[("a.exe", b"MZ")]),
    ):
        assert machine.send(message, "anna@example.test").startswith("250 ")
    machine.settle()
    arrived = {one["Subject"]: one for one in machine.mail("anna@example.test")}
    assert sorted(arrived) == ["***SPAM*** much", "***SPAM*** very much", "clean", "little"]
    assert "score=6.3 " in arrived["little"]["X-Spam-Status"]
    assert sorted(one["Subject"].split()[0] for one in machine.mail("postmaster@example.test")) == [
        "BANNED",
        "VIRUS",
    ]
    assert "Blocked INFECTED (Eicar-Test.UNOFFICIAL)" in machine.log(200)


def test_opendkim_signs_from_inside_what_the_names_prove(machine: Machine) -> None:
    assert (
        machine.send(letter("signed", From="a@example.test"), "bert@elsewhere.test", client=INSIDE)[:3]
        == "250"
    )
    machine.settle()
    [sent] = machine.mail("bert@elsewhere.test")
    assert "d=example.test; s=mail" in sent["DKIM-Signature"]
    machine.send(sent.data, "dora@example.test")
    machine.send(sent.data.replace(b"How are you", b"Where is it"), "emil@example.test")
    machine.settle()
    assert "dkim=pass" in machine.mail("dora@example.test")[0]["Authentication-Results"]
    assert "dkim=fail" in machine.mail("emil@example.test")[0]["Authentication-Results"]


def test_it_is_a_host_of_its_own(machine: Machine) -> None:
    async def look() -> None:
        found = await machine.host.files(["/etc/hostname", "/var/run/clamav/clamd.pid", "/no/such"])
        hostname, pid = found["/etc/hostname"], found["/var/run/clamav/clamd.pid"]
        assert isinstance(hostname, File)
        assert isinstance(pid, File)
        assert hostname.data == b"mail.example.test\n"
        assert [int(pid.data)] == machine.pids("clamd")
        assert isinstance(found["/no/such"], Missing)
        completed = await machine.host.run(["hostname", "--fqdn"])
        assert completed.stdout == b"mail.example.test\n"

    asyncio.run(look())
    assert not Path("/run/clamav/clamd.ctl").exists()
    assert "example.test" not in Path("/etc/hosts").read_text()


def test_daemons_die_stand_still_and_start(machine: Machine) -> None:
    machine.kill("clamd")
    assert not machine.answers("clamav-daemon")
    assert machine.service("clamav-daemon", "status").returncode != 0
    machine.start("clamav-daemon")
    assert machine.service("amavis", "restart").returncode == 0
    machine.wait_until(lambda: machine.answers("amavis"), "amavis")
    with machine.frozen("opendkim"):
        [pid] = machine.pids("opendkim")
        assert machine.run(["ps", "-o", "stat=", str(pid)]).stdout.startswith("T")


def test_the_world_answers_as_it_is_told(machine: Machine) -> None:
    long = "v=DKIM1; p=" + "A" * 700
    machine.names.publish("long.example.test", long)
    with machine.network():
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [NAMES[0]]
        [record] = resolver.resolve("long.example.test", "TXT")
        assert b"".join(record.strings).decode() == long
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve("nobody.invalid", "A")
        machine.mirror.files["a.ndb"] = b"a:0:0:00"
        assert urllib.request.urlopen(f"{machine.mirror.url}/a.ndb").read() == b"a:0:0:00"
        machine.mirror.manner = "429"
        with pytest.raises(urllib.error.HTTPError, match="429"):
            urllib.request.urlopen(f"{machine.mirror.url}/a.ndb")


def test_it_ends_with_the_test_process() -> None:
    program = (
        "from tests.stack.machine import Machine\n"
        "machine = Machine(amavis=False, clamd=False).__enter__()\n"
        "print(machine.pid, flush=True)\nimport signal; signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        namespace = os.readlink(f"/proc/{pid}/ns/pid")
        assert len(residents(namespace)) > 3
        process.kill()
        process.wait()
    deadline = time.monotonic() + 15
    while residents(namespace):
        assert time.monotonic() < deadline, f"still there: {residents(namespace)}"
        time.sleep(0.05)


def residents(namespace: str) -> list[int]:
    """The processes in a process namespace."""
    found = []
    for link in Path("/proc").glob("[0-9]*/ns/pid"):
        try:
            if os.readlink(link) == namespace:
                found.append(int(link.parts[2]))
        except OSError:
            continue
    return found
