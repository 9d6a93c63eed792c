"""Turns at the index's connection: the urgent go first, and what was cut short is asked again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from mtatui.queue.gate import Gate

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    yield connection
    connection.close()


def test_an_urgent_turn_cuts_a_question_short_which_is_asked_again(connection: sqlite3.Connection) -> None:
    gate, begun, answers = Gate(connection.interrupt), threading.Event(), list[int]()
    asked = 0

    def ask() -> int:
        nonlocal asked
        asked += 1
        begun.set()
        return int(connection.execute(ENDLESS if asked == 1 else "SELECT 42").fetchone()[0])

    thread = threading.Thread(target=lambda: answers.append(gate.patiently(ask)))
    thread.start()
    assert begun.wait(10)
    with gate.urgently():
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not answers
    thread.join(10)
    assert (asked, answers) == (2, [42])


def test_a_question_gets_done_though_something_urgent_comes_up_all_the_time(
    connection: sqlite3.Connection,
) -> None:
    gate, answers = Gate(connection.interrupt), list[int]()
    connection.execute(f"CREATE TABLE t AS {ENDLESS.replace('max(x)', 'x')} LIMIT 60000")
    long = "SELECT sum(a.x % 7) FROM t a"
    answer = connection.execute(long).fetchone()[0]
    thread = threading.Thread(
        target=lambda: answers.append(gate.patiently(lambda: connection.execute(long).fetchone()[0]))
    )
    thread.start()
    while thread.is_alive():
        with gate.urgently():
            connection.execute("SELECT 1").fetchone()
    thread.join()
    assert answers == [answer]


def test_a_mistake_in_a_question_is_not_asked_again(connection: sqlite3.Connection) -> None:
    gate = Gate(connection.interrupt)
    with pytest.raises(sqlite3.OperationalError, match="nosuch"):
        gate.patiently(lambda: connection.execute("SELECT nosuch"))
    with gate.urgently():
        pass


def test_the_urgent_go_before_those_who_waited_longer_and_the_feed_is_next() -> None:
    gate, order = Gate(lambda: None), list[str]()
    threads = []

    def waiting(number: int) -> None:
        """Until so many stand before the gate."""
        while len(gate._line) + gate._urgent < number:
            time.sleep(0.001)

    def take(name: str) -> None:
        match name:
            case "feed":
                with gate.turn():
                    order.append(name)
            case "question":
                gate.patiently(lambda: order.append(name))
            case _:
                with gate.urgently():
                    order.append(name)

    with gate.turn():
        for number, name in enumerate(["question", "feed", "urgent", "urgent too"], 1):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            waiting(number)
    for thread in threads:
        thread.join(10)
    assert [name.partition(" ")[0] for name in order] == ["urgent", "feed", "urgent", "question"]


def test_what_is_urgent_can_give_up_waiting_and_nobody_stands_back_for_it_any_more() -> None:
    gate = Gate(lambda: None)
    with gate.turn():
        with pytest.raises(TimeoutError), gate.urgently(within=0.01):
            pytest.fail("two at once")
        feed = threading.Thread(target=lambda: gate.patiently(lambda: None))
        feed.start()
    feed.join(10)
    assert not feed.is_alive()


def test_while_a_key_is_answered_others_stand_back_but_the_urgent_do_not() -> None:
    gate, order = Gate(lambda: None), list[str]()
    gate.stand_back(60)
    feed = threading.Thread(target=lambda: gate.patiently(lambda: order.append("feed")))
    feed.start()
    with gate.urgently():
        order.append("urgent")
    assert order == ["urgent"]
    gate.stand_back(0)
    feed.join(10)
    assert order == ["urgent", "feed"]


def test_who_stands_back_goes_on_by_himself_after_that_time() -> None:
    gate = Gate(lambda: None)
    gate.stand_back(0.01)
    with gate.turn():
        pass
