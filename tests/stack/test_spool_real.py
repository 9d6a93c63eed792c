"""The feeds of the queue against ``postqueue -j`` on a real Postfix, message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mtatui.backends.host import Host, NotPermitted
from mtatui.backends.postfix.feed import PostqueueFeed, SpoolFeed
from mtatui.queue.message import Message, State
from mtatui.text import clean
from tests.contract.listing import of_postqueue, of_rows
from tests.stack import ways
from tests.stack.oddities import send_oddities
from tests.stack.picture import Picture, UserHost
from tests.stack.postfix import PostfixInstance

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("way")]


@pytest.fixture
def look() -> Iterator[Callable[[PostfixInstance], Picture]]:
    """A picture of an instance's queue from the spool reader, not yet scanned."""
    with ExitStack() as feeds:

        def open_feed(instance: PostfixInstance) -> Picture:
            names, depth = instance.postconf("hash_queue_names"), int(instance.postconf("hash_queue_depth"))
            feed = SpoolFeed(ways.host(), str(instance.queue), names, depth)
            feeds.callback(feed.close)
            return Picture(feed)

        yield open_feed


def check(picture: Picture, instance: PostfixInstance) -> None:
    """The picture and the index show what postqueue lists, and count it so. Nothing may move meanwhile."""
    assert of_rows(picture.rows) == of_postqueue(instance.run("postqueue", "-j").stdout)
    states = Counter(State(row[1]) for row in picture.rows)
    assert Counter(picture.counts) == states
    assert Counter(picture.index.counts()) == states
    for message in map(Message.from_row, picture.rows):
        indexed = picture.index.message(message.id)
        assert indexed is not None
        assert (indexed.state, indexed.arrival, indexed.size) == (
            message.state,
            message.arrival,
            message.size,
        )
        assert indexed.sender == clean(message.sender)
        assert [(r.address, r.reason, r.done) for r in indexed.recipients] == [
            (clean(r.address), clean(r.reason), r.done) for r in message.recipients
        ]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"enable_long_queue_ids": "no"},
        {"hash_queue_names": "incoming, active, deferred, defer, hold", "hash_queue_depth": "2"},
        {"hash_queue_names": "defer", "enable_long_queue_ids": "no"},
    ],
    ids=["long", "short", "deep", "flat"],
)
def test_everything_that_can_be_in_a_queue(
    make_postfix: Callable[..., PostfixInstance],
    look: Callable[[PostfixInstance], Picture],
    parameters: dict[str, str],
) -> None:
    instance = make_postfix(**parameters)
    instance.make_busy()
    send_oddities(instance)
    instance.wait_until(lambda: len(instance.queue_ids("incoming", "active")) == 1, "one active message")
    with instance.frozen("qmgr"), instance.frozen("pickup"):
        instance.send("fresh@sender.test", "fresh@full.test")
        instance.submit(b"Subject: new\n\nx\n", "-f", "local@sender.test", "dropped@full.test")
        picture = look(instance)
        picture.scan()
        check(picture, instance)
        assert {State(row[1]) for row in picture.rows} == set(State) - {State.TRASH}
        assert [problem.path for problem in picture.problems if "corrupt" not in problem.path] == []
        assert not picture.scan(), "nothing has changed"
        assert not picture.scan(thorough=True), "nothing has changed in place either"


def test_what_postqueue_does_not_tell(
    postfix_instance: PostfixInstance, look: Callable[[PostfixInstance], Picture]
) -> None:
    origin = {
        "NAME": "mail.evil.example",
        "ADDR": "192.0.2.66",
        "HELO": "pc.local",
        "LOGIN": "sales@sender.test",
    }
    mine = postfix_instance.send("a@sender.test", "one@full.test", "reader@ok.test", xclient=origin)
    theirs = postfix_instance.send("b@sender.test", "two@dead.test", xclient={"ADDR": "IPV6:2001:db8::7"})
    postfix_instance.settle()
    picture = look(postfix_instance)
    picture.scan()
    message = Message.from_row(picture.row(mine))
    assert (message.client_ip, message.client_name) == ("192.0.2.66", "mail.evil.example")
    assert (message.helo, message.sasl_user) == ("pc.local", "sales@sender.test")
    assert message.arrival < message.retry <= message.arrival + 1260
    assert {(r.address, r.status, r.done) for r in message.recipients} == {
        ("one@full.test", "4.2.2", False),
        ("reader@ok.test", "", True),
    }
    other = Message.from_row(picture.row(theirs))
    assert (other.client_ip, other.recipients[0].status) == ("2001:db8::7", "4.4.1")


def test_ten_thousand_messages(
    make_postfix: Callable[..., PostfixInstance], look: Callable[[PostfixInstance], Picture]
) -> None:
    # Held on arrival, from the first on: how fast Postfix fails to deliver is not the matter here.
    instance = make_postfix(smtpd_client_restrictions="check_client_access static:HOLD")
    instance.flood(10_000, "flood@sender.test", "flood@dead.test")
    instance.wait_until(lambda: len(instance.queue_ids("hold")) == 10_000, "10,000 messages")
    picture = look(instance)
    picture.scan()
    check(picture, instance)
    assert picture.counts[State.HOLD] == 10_000
    chosen = sorted(instance.queue_ids("hold"))[:3000]
    instance.postsuper("d", chosen[:1000])
    with instance.frozen("qmgr"):
        instance.postsuper("H", chosen[1000:])
        heard = picture.scan()
        check(picture, instance)
    assert (heard["gone"], heard["moved"] + heard["rows"]) == (1000, 2000)


def test_deltas_follow_the_queue(
    postfix_instance: PostfixInstance, look: Callable[[PostfixInstance], Picture]
) -> None:
    instance, remote = postfix_instance, postfix_instance.remote
    ids = [instance.send("me@sender.test", f"full-{n}@full.test", f"busy{n}@busy.test") for n in range(8)]
    instance.settle()
    picture = look(instance)

    def follow(thorough: bool = False) -> None:
        instance.settle()
        picture.scan(thorough)
        check(picture, instance)

    follow()
    instance.postsuper("h", ids[:4])
    follow()
    instance.postsuper("H", ids[:1])
    follow()
    instance.postsuper("d", [ids[1], ids[7]])
    follow()
    instance.postsuper("r", [ids[2], ids[6]])
    instance.wake("pickup")
    follow()
    assert {ids[2], ids[6]} & {row[0] for row in picture.rows} == set(), "requeued: new IDs"
    remote.heal("full")
    instance.run("postqueue", "-i", ids[4])
    instance.wait_until(lambda: len(remote.deliveries()) == 1, "one delivery")
    follow(thorough=True)
    assert [r[3] for r in picture.row(ids[4])[-1]] == [1, 0], "one recipient served, one waits"
    instance.send("me@sender.test", "new@later.test")
    follow()
    instance.run("postsuper", "-d", "ALL")
    follow()
    assert picture.rows == []


def test_a_retry_that_fails_for_another_reason(
    postfix_instance: PostfixInstance, look: Callable[[PostfixInstance], Picture]
) -> None:
    queue_id = postfix_instance.send("me@sender.test", "someone@grey.test", "other@later.test")
    postfix_instance.settle()
    picture = look(postfix_instance)
    picture.scan()
    before = Message.from_row(picture.row(queue_id))
    postfix_instance.remote.verdicts["grey"] = postfix_instance.remote.verdicts["full"]
    log = postfix_instance.log
    postfix_instance.run("postqueue", "-i", queue_id)
    postfix_instance.wait_until(lambda: b"to=<someone@grey.test>" in log.read_bytes().split(b"452 4.2.2")[0]
                                and b"452 4.2.2" in log.read_bytes(), "the second attempt")  # fmt: skip
    postfix_instance.settle()
    picture.scan(thorough=True)
    check(picture, postfix_instance)
    after = Message.from_row(picture.row(queue_id))
    assert after.retry >= before.retry
    assert {r.status for r in after.recipients} == {"4.2.2", "4.3.0"}


def test_mail_in_motion(
    postfix_instance: PostfixInstance, look: Callable[[PostfixInstance], Picture]
) -> None:
    instance = postfix_instance
    picture = look(instance)
    for round in range(5):
        instance.flood(100, f"round{round}@sender.test", "@ok.test" if round % 2 else "@grey.test")
        picture.scan()
    instance.settle()
    picture.scan(thorough=True)
    check(picture, instance)
    instance.run("postqueue", "-f")  # what was greylisted goes through now
    while instance.queue_ids():
        picture.scan()
    picture.scan()
    assert picture.rows == []
    assert len(instance.remote.deliveries()) == 500


def test_a_restarted_postfix(
    postfix_instance: PostfixInstance, look: Callable[[PostfixInstance], Picture]
) -> None:
    instance = postfix_instance
    for number in range(3):
        instance.send("me@sender.test", f"{number}@full.test")
    instance.send("me@sender.test", "someone@slow.test")
    instance.wait_until(lambda: len(instance.queue_ids("active")) == 1, "one active message")
    picture = look(instance)
    picture.scan()
    instance.kill_master()
    picture.scan()
    check(picture, instance)
    instance.start()
    instance.wait_until(lambda: len(instance.queue_ids("active")) == 1, "the active message again")
    picture.scan()
    check(picture, instance)


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_postqueue_as_a_feed(busy_instance: PostfixInstance, user: str) -> None:
    host: Host = ways.host() if user == "root" else UserHost(busy_instance)
    feed = PostqueueFeed(host, str(busy_instance.config) if user == "root" else None)
    try:
        picture = Picture(feed)
        picture.scan()
        check(picture, busy_instance)
        assert len(picture.rows) == 22
        assert not picture.scan(), "nothing has changed"
        assert feed.limits, "it says what it does not know"
    finally:
        feed.close()


def test_a_user_who_may_not_look(postfix_instance: PostfixInstance) -> None:
    postfix_instance.reload(authorized_mailq_users="root")
    feed = PostqueueFeed(UserHost(postfix_instance), None)
    try:
        with pytest.raises(NotPermitted, match="authorized_mailq_users"):
            list(feed.scan())
    finally:
        feed.close()
