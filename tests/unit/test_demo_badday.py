"""The bad day: what is in it, that it is the same each time, and that it names nobody who exists."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter

import pytest

from bench.generate import draft, generate
from mtatui.backends.demo import badday, texts
from mtatui.backends.demo.spool import Spool
from mtatui.backends.demo.writer import Draft
from mtatui.backends.postfix.spool.record import Damaged, read_row

NOW = 1_795_368_000.0
DOCUMENTATION = [
    ipaddress.ip_network(net)
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def day() -> list[Draft]:
    return badday.messages(NOW)


def test_it_has_two_thousand_messages_in_every_state(day: list[Draft]) -> None:
    states = Counter(message.state for message in day)
    assert len(day) == 2000
    assert states["corrupt"] == 1
    assert states["deferred"] > 1500
    assert set(states) == {"deferred", "hold", "active", "incoming", "corrupt", "maildrop"}


def test_it_is_the_same_for_the_same_moment(day: list[Draft]) -> None:
    assert badday.messages(NOW) == day
    assert badday.messages(NOW, seed=8) != day


def test_domains_and_addresses_belong_to_nobody(day: list[Draft]) -> None:
    for message in day:
        if message.client_ip:
            assert any(ipaddress.ip_address(message.client_ip) in net for net in DOCUMENTATION)
        for address in (message.sender, *(to.address for to in message.recipients)):
            assert not address or address.endswith((".test", ".example")), address
        for to in message.recipients:
            for found in re.findall(r"\[(\d+\.\d+\.\d+\.\d+)\]", to.reason):
                assert found == "127.0.0.1" or any(
                    ipaddress.ip_address(found) in net for net in DOCUMENTATION
                )


def test_nothing_lies_in_the_future_and_nothing_is_too_old(day: list[Draft]) -> None:
    for message in day:
        assert 0 <= NOW - message.arrival < 5 * badday.DAY
        assert message.retry == 0 or NOW - 60 < message.retry < NOW + 4001


def test_the_hacked_account_writes_to_many_from_far_away(day: list[Draft]) -> None:
    pills = [message for message in day if message.sasl_user == badday.HACKED_LOGIN]
    assert len(pills) == 260
    assert {message.client_ip for message in pills} == {badday.HACKED_FROM}
    assert min(len(message.recipients) for message in pills) >= 8
    assert {message.state for message in pills} == {"deferred", "hold"}


def test_the_list_is_half_served(day: list[Draft]) -> None:
    postings = [message for message in day if message.sender.endswith("@lists.example.test")]
    assert len(postings) == 24
    for posting in postings:
        served = Counter(to.done for to in posting.recipients)
        assert len(posting.recipients) >= 40
        assert served[True] > served[False] > 0


def test_strangers_try_everything(day: list[Draft]) -> None:
    everything = "".join(
        m.subject + m.helo + m.sender + m.sasl_user + "".join(t.address + t.reason for t in m.recipients)
        for m in day
    )
    for trick in (
        "\x1b[2J",
        "\x1b]0;",
        "\x9b",
        "\0",
        "\u202e",
        "\u2028",
        "\udce9",
        "[/x]",
        "[@click=",
        "\u200d",
    ):
        assert trick in everything


def test_reasons_are_many_and_each_fills_its_holes() -> None:
    rng = texts.dice(1)
    assert len(texts.REASONS) >= 40
    for reason in texts.REASONS:
        text = reason.fill(rng, "you@dest.test", "me@example.test")
        assert not re.search(r"[{}]|  {2}\S*@|@\w+ ?\w*$", text), text
        assert text == text.strip()
        assert re.fullmatch(r"4\.\d\.\d+", reason.status)


def test_two_hundred_domains() -> None:
    assert len(set(texts.DOMAINS)) == 200


# --- the queues of the benchmarks are of the same stuff ----------------------------------------------------


def test_a_generated_queue_is_the_same_whoever_makes_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = []
    for jobs in (1, 2):
        spool = generate(tmp_path_factory.mktemp("spool") / "queue", 1500, seed=5, jobs=jobs, now=NOW)
        files = (
            path for state in ("deferred", "hold") for path in (spool / state).rglob("?*") if path.is_file()
        )
        rows = (read_row(str(path), path.name, "x") for path in files)
        found.append(sorted((row[2], row[5], row[3], row[11][0][0]) for row in rows))
    assert len(found[0]) > 1300
    # The size follows the length of the queue ID, which ends in the inode.
    assert [entry[:2] for entry in found[0]] == [entry[:2] for entry in found[1]]


def test_a_generated_queue_has_the_mix_it_promises() -> None:
    rng = texts.dice(1)
    messages = [draft(rng, NOW) for _ in range(4000)]
    states = Counter(message.state for message in messages)
    assert 0.77 < states["deferred"] / 4000 < 0.83
    assert 0.14 < states["hold"] / 4000 < 0.20
    assert set(states) == {"deferred", "hold", "active", "incoming", "corrupt"}
    assert len({message.sender for message in messages}) == 98
    assert max(len(message.recipients) for message in messages) > 40
    assert all(NOW - message.arrival < 5 * badday.DAY + 3 for message in messages)


def test_a_corrupt_one_is_really_broken(tmp_path_factory: pytest.TempPathFactory) -> None:
    spool = generate(tmp_path_factory.mktemp("spool") / "home" / "spool", 1000, seed=2, jobs=1, now=NOW)
    broken = Spool(str(spool.parent)).ids("corrupt")
    assert broken
    for id, path in broken:
        with pytest.raises(Damaged):
            read_row(path, id, "corrupt")
