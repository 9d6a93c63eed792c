"""The hands on messages in the middle of a delivery: they and their logs get a queue ID that nobody has."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from mtatui.backends.demo.writer import make_spool
from mtatui.backends.postfix.spool import aside as aside_module
from mtatui.backends.postfix.spool import place
from mtatui.backends.postfix.spool.hands import Hands
from tests.unit.test_act_hands import HASHED, ask, mail, path_of, places


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    make_spool(tmp_path / "q")
    return tmp_path / "q"


@pytest.fixture
def hands(spool: Path) -> Hands:
    return Hands(str(spool), HASHED, 1)


def aside(hands: Hands, id: str) -> str:
    """Take a message out of its delivery: the queue ID that it has now."""
    [[new]] = ask(hands, "fresh", (id,))
    assert ask(hands, "aside", (id, new)) == [[new]]
    return str(new)


@pytest.mark.parametrize("deleted", [False, True])
def test_what_a_delivery_under_way_reports_is_not_lost(spool: Path, hands: Hands, deleted: bool) -> None:
    """The agent has the file open: refusals are written under the old queue ID when the message has left."""
    id = mail(spool, "active", reason="")
    with (spool / "active" / id).open("rb") as agent:
        fcntl.flock(agent, fcntl.LOCK_SH)
        new = aside(hands, id)
        if deleted:
            ask(hands, "keep", (new, "hold"))
            (spool / "hold" / new).unlink()
            (spool / "bounce" / new).unlink()
        log = spool / "bounce" / id
        assert log.stat().st_uid == (spool / "bounce").stat().st_uid
        with log.open("a") as file:
            file.write("recipient=refused\n")
        if deleted:
            assert ask(hands, "restore", (new,)) == [["hold", 1]]
    log.unlink()  # qmgr has told the sender, or has been started anew and never will
    assert places(spool, new) == {"hold", "bounce"}
    assert (spool / "bounce" / new).read_text() == "recipient=refused\n"
    assert ask(hands, "identify", (new, "hold"))[0][-1] == 1


def test_the_logs_of_what_is_taken_out_go_with_it(spool: Path, hands: Hands) -> None:
    id = mail(spool, "active", reason="busy")
    (spool / "bounce" / id).write_text("recipient=refused\n")
    (spool / "trace" / id).write_text("recipient=delivered\n")
    new = aside(hands, id)
    assert places(spool, id) == {"mtatui/renamed"}
    assert {p.partition("/")[0] for p in places(spool, new)} == {"hold", "defer", "bounce", "trace"}
    assert ask(hands, "identify", (new, "hold"))[0][-1] == 1


@pytest.mark.parametrize(("tried", "kept"), [("r@y.test", True), ("another@y.test", False)])
def test_what_is_made_to_expire_has_a_whole_defer_log_or_none(
    spool: Path, hands: Hands, tried: str, kept: bool
) -> None:
    """qmgr(8) reports those that the log names, and no others."""
    id = mail(spool, "active", reason="")
    (spool / "active" / id).chmod(0o710)
    log = Path(path_of(spool, "defer", id))
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"<{tried}>: \nrecipient={tried}\nstatus=4.0.0\nreason=busy\n\n")
    new = aside(hands, id)
    assert Path(path_of(spool, "defer", new)).exists() == kept
    assert not log.exists()


def test_nothing_is_covered_by_a_new_queue_id(spool: Path, hands: Hands) -> None:
    id, other = mail(spool, "active"), mail(spool, "active")
    [[new]] = ask(hands, "fresh", (id,))
    for place_ in ("hold", "corrupt", "mtatui/trash", "bounce"):
        (spool / place_ / new).write_bytes(b"somebody else")
        assert ask(hands, "aside", (id, new)) == ["its new queue ID is taken"]
        assert (spool / place_ / new).read_bytes() == b"somebody else"
        (spool / place_ / new).unlink()
    assert (
        ask(hands, "aside", (other, new), (id, "../x"), (id, "ABCDE/Z"))
        == ["another message has this ID now"] * 3
    )
    assert places(spool, id) - {place.folder("defer", id, place.queue_names(HASHED), 1)[:-1]} == {"active"}


def test_what_is_still_being_received_or_not_moving_stays(spool: Path, hands: Hands) -> None:
    received, held, corrupt = mail(spool, "incoming"), mail(spool, "hold"), mail(spool, "hold")
    (spool / "incoming" / received).chmod(0o600)
    (spool / "hold" / corrupt).rename(spool / "corrupt" / corrupt)
    new = [ask(hands, "fresh", (id,))[0][0] for id in (received, held, corrupt)]
    assert ask(hands, "aside", *zip((received, held, corrupt), new, strict=True)) == [
        "it is still being received",
        [held],
        "it is in corrupt now",
    ]
    assert ask(hands, "fresh", ("4jXYYYYYYYzGone",)) == [None]
    assert ask(hands, "aside", ("4jXYYYYYYYzGone", new[0])) == [None]


def test_what_ended_deliveries_left_behind_is_swept_up(
    spool: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, used_again = mail(spool, "active", reason=""), mail(spool, "active", reason="")
    new = [aside(hands, id), aside(hands, used_again)]
    for name in (id, used_again):
        (spool / "bounce" / name).write_text("recipient=late\n")
    (spool / "incoming" / used_again).write_bytes(b"another message")
    hands.purge(0, 0)
    assert places(spool, id) == {"bounce", "mtatui/renamed"}
    monkeypatch.setattr(aside_module, "OVER", -1.0)
    hands.purge(0, 0)
    assert places(spool, id) == set()
    assert places(spool, used_again) == {"incoming", "bounce"}
    assert [places(spool, name) for name in new] == [{"hold"}, {"hold"}]
