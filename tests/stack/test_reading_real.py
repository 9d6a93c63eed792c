"""What is read of a real Postfix, held against what its own postconf says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mtatui.backends.configuration import Configuration
from mtatui.backends.host import Host
from mtatui.backends.postfix.probes import probes
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Reading
from tests.stack import ways
from tests.stack.postfix import PostfixInstance

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("way")]

ODDITIES = """\
# a comment
smtpd_banner = $myhostname ESMTP
   ${mail_name} # not a comment
# between
\tat your service
mydomain=stack.test
myorigin=${mydomain?{$mydomain}:{none}}
message_size_limit = 10240000
message_size_limit = 20480000
mynetworks_style = host
nonsense_parameter = 1
"""
MASTER = """\
{address}:2525 inet n - n - - smtpd
  -o smtpd_helo_required=yes -o {{ smtpd_banner = $myhostname other }}
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    with PostfixInstance() as instance:
        main, master = instance.config / "main.cf", instance.config / "master.cf"
        main.write_text(main.read_text().replace("mynetworks =", "#mynetworks =") + ODDITIES)
        master.write_text(master.read_text() + MASTER.format(address=instance.address))
        import os

        os.utime(main, (1, 1))  # Postfix's commands wait until it is two seconds old
        yield instance


@pytest.fixture(scope="module")
def host(way: str) -> Host:
    return ways.host()


@pytest.fixture(scope="module")
def reading(instance: PostfixInstance, host: Host) -> Reading:
    return asyncio.run(Configuration(host, str(instance.config)).read())


@pytest.fixture
def source(reading: Reading) -> PostfixReading:
    found = reading.source
    assert isinstance(found, PostfixReading)
    return found


def said(instance: PostfixInstance, *options: str) -> dict[str, str]:
    """What postconf prints, by what stands in front of the equals sign."""
    lines = instance.run("postconf", *options).stdout.decode().splitlines()
    found = {name: as_printed(value) for name, _, value in (line.partition(" =") for line in lines)}
    found.pop("process_id", None)  # its own
    return found


def as_printed(value: str) -> str:
    """A value as postconf prints it: each run of white space has become one blank."""
    return " ".join(value.split())


def test_three_processes_are_all_it_takes(reading: Reading, host: Host) -> None:
    # Besides those that look at the filters, where there are any, and the connection itself.
    commands = [entry.argv[0] for entry in host.log.entries if entry.argv[0] != "ssh"]
    assert commands[:3] == ["postconf"] * 3
    assert [entry.argv[0] for entry in host.log.entries].count("postconf") == 3


def test_every_parameter_is_what_postconf_says(instance: PostfixInstance, source: PostfixReading) -> None:
    theirs = said(instance)
    assert len(theirs) > 800
    assert {name: as_printed(source.lookup(name) or "") for name in theirs} == theirs


def test_every_parameter_works_as_postconf_expands_it(
    instance: PostfixInstance, source: PostfixReading
) -> None:
    # What still has a name in it, is expanded by a daemon while it runs.
    theirs = {name: value for name, value in said(instance, "-x").items() if "$" not in value}
    ours = {name: as_printed(source.effective(name)) for name in theirs}
    assert len(theirs) > 800
    assert ours == theirs


def test_what_is_explicit_is_what_main_cf_says(instance: PostfixInstance, source: PostfixReading) -> None:
    theirs = said(instance, "-n")
    ours = {name for name in source.main.names() if name in source.defaults}
    assert ours == theirs.keys() - {"config_directory"}


def test_what_services_override(instance: PostfixInstance, source: PostfixReading) -> None:
    ours = {
        f"{service.key}/{name}": value
        for service in source.master.services
        for name, value in service.overrides.items()
    }
    assert ours == said(instance, "-P")


def test_what_postconf_finds_odd_is_told(reading: Reading) -> None:
    found = {finding.id: finding.text for finding in reading.findings}
    assert "nonsense_parameter" in found["unused-parameter"]
    assert "message_size_limit" in found["set-twice"]


def test_the_listeners_are_those_that_answer(instance: PostfixInstance, source: PostfixReading) -> None:
    assert [(probe.address, probe.port) for probe in probes(source)] == [
        (instance.address, 25),
        (instance.address, 2525),
    ]


def test_a_directory_that_is_none_is_told_in_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    from mtatui.backends.host import HostError

    empty = tmp_path_factory.mktemp("etc")
    with pytest.raises(HostError, match="no Postfix configuration"):
        asyncio.run(Configuration(ways.host(), str(empty)).read())
