"""The demo's mail system, hours of it in no time: what it delivers, puts off, returns, and leaves alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mtatui.backends.demo import badday, texts
from mtatui.backends.demo.life import Life
from mtatui.backends.demo.spool import QUEUES, Spool
from mtatui.backends.demo.writer import Draft, To, make_spool, write
from mtatui.backends.postfix.spool.record import read_row

GREY = "host mx.dest.test[192.0.2.1] said: 450 4.2.0 <a@dest.test>: Greylisted (in reply to RCPT TO command)"
DEAD = "connect to mx1.kaput.example[192.0.2.1]:25: Connection timed out"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    make_spool(tmp_path / "spool")
    found = Spool(str(tmp_path))
    found.wake()
    return found


class Clock:
    """Lets a life go on, half a second a beat, without waiting for it."""

    def __init__(self, spool: Spool, *, mail: bool = False) -> None:
        self.spool = spool
        self.now = time.time()
        self.life = Life(spool, texts.dice(1))
        if not mail:
            self.life.mood_until = self.life.next_arrival = float("inf")

    def go(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            self.life.beat(self.now)

    def put(self, *to: To, state: str = "deferred", age: float = 60, **fields: object) -> str:
        draft = Draft(to, "me@example.test", state, arrival=self.now - age, body=b"the body\n")
        for name, value in fields.items():
            setattr(draft, name, value)
        return write(self.spool.path, draft)

    def where(self, id: str) -> str:
        found = self.spool.find(id)
        return found[0] if found else ""

    def queue(self) -> dict[str, str]:
        return {id: queue for queue in (*QUEUES, "corrupt") for id, _ in self.spool.ids(queue)}

    def log(self) -> str:
        return Path(self.spool.maillog).read_text("utf-8")


def row(spool: Spool, queue: str, id: str) -> list[list[object]]:
    """The recipients that the reader finds."""
    recipients = read_row(spool.place(queue, id), id, queue, logs=(spool.place("defer", id),))[-1]
    assert isinstance(recipients, list)
    return recipients


def test_a_greylisted_message_gets_through_once_it_has_waited(spool: Spool) -> None:
    clock = Clock(spool)
    early, late = clock.put(To("a@dest.test", GREY), age=10), clock.put(To("b@dest.test", GREY), age=400)
    clock.go(30)
    assert (clock.where(early), clock.where(late)) == ("deferred", "")
    assert f"{late}: to=<b@dest.test>" in clock.log()
    assert row(spool, "deferred", early)[0][1:3] == [GREY, "4.2.0"]
    assert not os.path.exists(spool.place("defer", late))


def test_a_dead_destination_stays_dead(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@kaput.example", DEAD, "4.4.1"), age=3600)
    clock.go(60)
    assert clock.where(id) == "deferred"
    assert row(spool, "deferred", id) == [["a@kaput.example", DEAD, "4.4.1", 0, ""]]
    assert clock.now - 60 < os.stat(spool.place("deferred", id)).st_mtime < clock.now + 4000


def test_a_message_on_its_way_has_no_reason(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@kaput.example", DEAD), age=3600)
    while clock.where(id) != "active":
        clock.go(0.5)
    assert not os.path.exists(spool.place("defer", id))


def test_what_is_held_stays(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@dest.test", GREY), state="hold", age=9999)
    clock.go(120)
    assert clock.where(id) == "hold"


def test_what_is_not_due_stays(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@dest.test", GREY), age=9999, retry=clock.now + 3600)
    clock.go(60)
    assert clock.where(id) == "deferred"
    assert not os.path.exists(spool.maillog), "nothing has happened"


def test_those_who_have_been_served_are_marked(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("grey@dest.test", GREY), To("dead@kaput.example", DEAD), age=1000)
    clock.go(60)
    assert [to[:4] for to in row(spool, "deferred", id)] == [
        ["grey@dest.test", "", "", 1],
        ["dead@kaput.example", DEAD, "4.0.0", 0],
    ]


def test_requeued_mail_gets_a_new_id_and_keeps_what_it_is(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@kaput.example", DEAD), To("b@dest.test", done=True), age=3600, sasl_user="bob",
                   client_ip="203.0.113.9", client_name="pc.test")  # fmt: skip
    arrival = int(clock.now - 3600)
    os.utime(spool.move(spool.place("deferred", id), "maildrop", id), (clock.now, clock.now))
    clock.go(60)
    [(new, queue)] = clock.queue().items()
    assert (new != id, queue) == (True, "deferred")
    found = read_row(spool.place(queue, new), new, queue)
    assert found[2] == arrival
    assert found[6:8] == ["203.0.113.9", "pc.test"]
    assert found[9] == "bob"
    assert [to[0] for to in found[-1]] == ["a@kaput.example"], "who has been served is left out"
    assert f"{new}: uid=1000 from=<me@example.test> orig_id={id}" in clock.log()


def test_expired_mail_is_returned_with_its_reason(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@kaput.example", DEAD), age=3600, expired=True)
    clock.go(1)
    while clock.where(id):
        clock.go(0.5)
    notice = clock.log().partition(f"{id}: sender non-delivery notification: ")[2].split("\n")[0]
    assert clock.where(notice) in ("incoming", "active")
    assert DEAD.encode() in Path(spool.place(clock.where(notice), notice)).read_bytes()
    assert read_row(spool.place(clock.where(notice), notice), notice, "x")[5] == ""


def test_a_message_that_makes_no_sense_goes_to_the_corrupt(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@dest.test", GREY), state="incoming", cut=300)
    clock.go(5)
    assert clock.queue() == {id: "corrupt"}
    assert os.stat(spool.place("corrupt", id)).st_mode & 0o777 == 0o400


def test_what_is_taken_away_under_way_is_left_alone(spool: Spool) -> None:
    clock = Clock(spool)
    id = clock.put(To("a@dest.test", GREY), state="incoming", age=1000)
    while clock.where(id) != "active":
        clock.go(0.5)
    spool.move(spool.place("active", id), "hold", id)
    clock.go(60)
    assert clock.where(id) == "hold"


def test_a_flush_is_seen_to_at_once(spool: Spool) -> None:
    clock = Clock(spool)
    ids = [clock.put(To("a@dest.test", GREY), age=1000, retry=clock.now + 3000) for _ in range(200)]
    clock.go(20)
    assert set(map(clock.where, ids)) == {"deferred"}
    for id in ids:
        os.utime(spool.place("deferred", id), (clock.now, clock.now))
    os.utime(spool.wake_file, (clock.now + 1, clock.now + 1))
    clock.go(30)
    assert clock.queue() == {}


def test_mail_keeps_coming_gently(spool: Spool) -> None:
    clock = Clock(spool, mail=True)
    clock.go(600)
    events = len(clock.log().splitlines())
    assert clock.log().count("smtpd") > 30
    assert events < 600 * 3, "a few a second at most"


def test_a_bad_day_goes_on(spool: Spool) -> None:
    clock = Clock(spool, mail=True)
    clock.life.begin(clock.now)
    held = {id for id, queue in clock.queue().items() if queue == "hold"}
    assert len(clock.queue()) == badday.MESSAGES
    clock.go(900)
    assert held == {id for id, queue in clock.queue().items() if queue == "hold"}
    grey = [
        id for id, queue in clock.queue().items()
        if queue == "deferred" and b"reylist" in Path(spool.place("defer", id)).read_bytes()
    ]  # fmt: skip
    assert len(grey) < 120, "most of the greylisted have got through"
    assert 1500 < len(clock.queue()) < 2200
    # Deferred messages, and only they and the held, have logs.
    logs = {id for id, _ in spool.ids("defer")}
    assert logs <= {id for id, queue in clock.queue().items() if queue in ("deferred", "hold")} | {
        id for id, queue in clock.queue().items() if queue == "corrupt"
    }
