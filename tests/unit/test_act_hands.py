"""The hands on a spool: whatever they do, and whatever goes wrong, no message is left without a name."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtatui.backends.demo.writer import Draft, To, make_spool, write
from mtatui.backends.postfix.spool import hands as module
from mtatui.backends.postfix.spool import place
from mtatui.backends.postfix.spool.asked import serve
from mtatui.backends.postfix.spool.hands import Hands, Refused

HASHED = "deferred, defer"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    make_spool(tmp_path / "q")
    return tmp_path / "q"


@pytest.fixture
def hands(spool: Path) -> Hands:
    return Hands(str(spool), HASHED, 1)


def path_of(spool: Path, state: str, id: str) -> str:
    return place.path(str(spool), state, id, place.queue_names(HASHED), 1)


def mail(spool: Path, state: str = "deferred", *, reason: str = "Connection timed out", **more: Any) -> str:
    draft = Draft([To("r@y.test", reason, "4.4.1" if reason else "")], sender="s@x.test", arrival=1e9, **more)
    draft.state = state
    return write(spool, draft, long_id=True)


def ask(hands: Hands, operation: str, *items: tuple[Any, ...]) -> Any:
    return serve(hands, operation, [[list(item) for item in items]])


def places(spool: Path, id: str) -> set[str]:
    """Where a message has a name, trash and logs included."""
    return {os.path.relpath(folder, spool) for folder, _, names in os.walk(spool) if id in names}


def test_a_message_goes_to_the_trash_and_comes_back_the_same_file_with_its_reasons(
    spool: Path, hands: Hands
) -> None:
    id = mail(spool)
    [answer] = ask(hands, "keep", (id, "deferred"))
    assert answer == ["deferred", 1_000_000_000, answer[2], "s@x.test", 0, 0]
    path = Path(path_of(spool, "deferred", id))
    inode = path.stat().st_ino
    path.unlink()  # what postsuper -d does
    Path(path_of(spool, "defer", id)).unlink()
    [count, size, [row]] = serve(hands, "trash", [10])
    assert (count, row[0], row[1]) == (1, id, "trash")
    assert size > 0
    assert row[-1][0][:3] == ["r@y.test", "Connection timed out", "4.4.1"]

    assert ask(hands, "restore", (id,)) == [["hold", 1]]
    assert (spool / "hold" / id).stat().st_ino == inode
    assert (spool / "hold" / id).stat().st_nlink == 1
    assert Path(path_of(spool, "defer", id)).exists()
    assert ask(hands, "restore", (id,)) == [None]


def test_what_is_written_of_a_message_in_the_trash_comes_back_with_it(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold", reason="")
    log = spool / "bounce" / id
    log.write_text("recipient=first\n")
    ask(hands, "keep", (id, "hold"))
    log.unlink()
    (spool / "hold" / id).unlink()
    log.write_text("recipient=second\n")
    assert ask(hands, "restore", (id,)) == [["hold", 1]]
    assert sorted(log.read_text().split()) == ["recipient=first", "recipient=second"]

    ask(hands, "keep", (id, "hold"))
    (spool / "hold" / id).unlink()
    assert hands.purge(0, 0)[0] == 1
    assert places(spool, id) == set()


@pytest.mark.parametrize("state", ["corrupt", "maildrop"])
def test_what_was_corrupt_or_in_maildrop_goes_back_there(spool: Path, hands: Hands, state: str) -> None:
    id = mail(spool, "hold", reason="")
    (spool / "hold" / id).rename(spool / state / id)
    assert ask(hands, "keep", (id, "hold"))[0][0] == state
    if state == "corrupt":
        assert ask(hands, "discard", (id,)) == [[1]]
    else:
        (spool / state / id).unlink()
    assert places(spool, id) == {"mtatui/trash", "mtatui/origin"}
    assert ask(hands, "restore", (id,)) == [[state, 1]]
    assert places(spool, id) == {state}


def test_a_message_that_has_moved_is_found_and_one_that_is_gone_is_not(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    assert ask(hands, "identify", (id, "deferred"), ("4jXYYYYYYYzGone", "hold"))[1] is None
    assert ask(hands, "identify", (id, "deferred"))[0][0] == "hold"


@pytest.mark.parametrize(
    "bad", ["", "abc", "../../etc/passwd", "ABCDE/x", "ABCDE\n", "-rf12", "ABCDE\0", "..."]
)
def test_what_is_no_queue_id_is_refused_and_the_others_go_on(spool: Path, hands: Hands, bad: str) -> None:
    id = mail(spool)
    for operation in ("identify", "keep"):
        refused, served = ask(hands, operation, (bad, "deferred"), (id, "deferred"))
        assert refused == "not a queue ID"
        assert served[0] == "deferred"
    assert ask(hands, "restore", (bad,), (id,))[0] == "not a queue ID"


def test_links_and_oddities_in_the_queue_are_no_messages(spool: Path, hands: Hands, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    (spool / "hold" / "SYMLINK01").symlink_to(secret)
    os.mkfifo(spool / "hold" / "FIFO00001")
    (spool / "hold" / "FOLDER001").mkdir()
    for name in ("SYMLINK01", "FIFO00001", "FOLDER001"):
        for state in ("hold", "deferred"):
            [answer] = ask(hands, "keep", (name, state))
            assert answer is None or isinstance(answer, str)
            assert places(spool, name) <= {"hold"}
    assert secret.stat().st_nlink == 1


def test_a_state_in_a_request_is_not_a_path(spool: Path, hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "PASSWD").write_text("x")
    assert ask(hands, "keep", ("PASSWD", "..")) == [None]
    assert ask(hands, "identify", ("PASSWD", "../q/..")) == [None]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_owner_is_no_message(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    os.chown(spool / "hold" / id, 12345, -1)
    assert ask(hands, "keep", (id, "hold"), (id, "active")) == ["it is not a queue file", None]
    assert "mtatui/trash" not in places(spool, id)


def test_restore_never_covers_another_message(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    ask(hands, "keep", (id, "hold"))
    (spool / "hold" / id).unlink()
    (spool / "active" / id).write_bytes(b"somebody else")
    assert ask(hands, "restore", (id,)) == ["another message has this ID now (active)"]
    assert (spool / "active" / id).read_bytes() == b"somebody else"
    assert (spool / "mtatui/trash" / id).exists()


def test_keep_never_covers_another_message_of_the_trash(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    ask(hands, "keep", (id, "hold"))
    (spool / "hold" / id).unlink()
    (spool / "hold" / id).write_bytes(b"somebody else")
    assert "another message with this ID is in the trash" in ask(hands, "keep", (id, "hold"))[0]
    assert ask(hands, "drop", (id,)) == [["last"]]


def test_a_leftover_link_of_an_interrupted_delete_does_not_hinder(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    for _ in range(2):
        assert ask(hands, "keep", (id, "hold"))[0][0] == "hold"
    assert ask(hands, "restore", (id,)) == [["hold", 1]]
    assert places(spool, id) == {"hold", *(p for p in places(spool, id) if p.startswith("defer"))}


def test_drop_spares_the_last_link_unless_it_has_come_to_its_end(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold")
    ask(hands, "keep", (id, "hold"))
    assert ask(hands, "drop", (id,)) == [["dropped"]]
    ask(hands, "keep", (id, "hold"))
    (spool / "hold" / id).unlink()
    assert ask(hands, "drop", (id,)) == [["last"]]
    assert (spool / "mtatui/trash" / id).exists()
    assert ask(hands, "drop", (id, 1), ("NEVER01", 1)) == [["dropped"], None]
    assert "mtatui/trash" not in places(spool, id)


def test_free_moves_to_hold_and_covers_nothing(spool: Path, hands: Hands) -> None:
    id = mail(spool, "hold", reason="")
    (spool / "hold" / id).rename(spool / "corrupt" / id)
    (spool / "corrupt" / id).chmod(0o400)  # what delivery agents make of what they find corrupt
    (spool / "hold" / id).write_bytes(b"somebody else")
    assert "exists" in ask(hands, "free", (id,))[0].lower()
    assert (spool / "hold" / id).read_bytes() == b"somebody else"
    (spool / "hold" / id).unlink()
    assert ask(hands, "free", (id,)) == [[1]]
    assert places(spool, id) == {"hold"}
    assert (spool / "hold" / id).stat().st_mode & 0o777 == 0o700, "or Postfix would not see it"


def test_a_short_name_that_does_not_fit_its_inode_is_told(spool: Path, hands: Hands) -> None:
    (spool / "corrupt" / "12345ABCDEF").write_bytes(b"a copy from a backup")
    assert ask(hands, "free", ("12345ABCDEF",)) == [[0]]


def test_a_full_disk_is_told_and_the_queue_untouched(
    spool: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = mail(spool)
    before = places(spool, id)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    assert ask(hands, "keep", (id, "deferred")) == ["No space left on device"]
    assert places(spool, id) == before


@pytest.mark.parametrize("trap", ["symlink", "open to others"])
def test_a_trash_that_is_not_roots_alone_is_not_used(
    spool: Path, hands: Hands, tmp_path: Path, trap: str
) -> None:
    if trap == "symlink":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (spool / "mtatui").symlink_to(tmp_path / "elsewhere")
    else:
        (spool / "mtatui").mkdir()
        (spool / "mtatui").chmod(0o755)
    with pytest.raises(Refused, match="only its owner"):
        ask(hands, "keep", (mail(spool), "deferred"))


def test_looking_only_changes_nothing(spool: Path) -> None:
    hands = Hands(str(spool), HASHED, 1, look_only=True)
    id = mail(spool)
    assert ask(hands, "identify", (id, "deferred"))[0][0] == "deferred"
    assert serve(hands, "trash", [5]) == [0, 0, []]
    for operation in ("keep", "drop", "destroy", "discard", "restore", "free"):
        with pytest.raises(Refused):
            ask(hands, operation, (id, "deferred"))
    assert not (spool / "mtatui").exists()


def test_purge_takes_the_old_then_the_oldest_that_is_too_much(spool: Path, hands: Hands) -> None:
    ids = [mail(spool, "hold", body=b"x" * 1000) for _ in range(4)]
    still_queued = ids.pop()
    for id in (*ids, still_queued):
        ask(hands, "keep", (id, "hold"))
        if id != still_queued:
            (spool / "hold" / id).unlink()
        time.sleep(0.02)  # the time of deletion is the file's, and the clock of files is coarse
    size = (spool / "mtatui/trash" / ids[0]).stat().st_size
    assert hands.purge(3600, 10**9) == [0, 0]
    assert hands.purge(3600, size * 2 + 10) == [1, size]
    assert [id for id in ids if (spool / "mtatui/trash" / id).exists()] == ids[1:]
    assert hands.purge(0, 0) == [2, size * 2]
    assert (spool / "hold" / still_queued).exists()
    assert (spool / "mtatui/trash" / still_queued).exists()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(
                ["keep", "drop", "restore", "free", "discard", "postsuper -d", "corrupt", "active", "aside"]
            ),
            st.integers(0, 1),
        ),
        max_size=12,
    )
)
def test_no_order_of_steps_loses_a_message(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """postsuper only removes what is in the trash; whatever comes in what order, every file has a name."""
    spool = tmp_path_factory.mktemp("lost") / "q"
    make_spool(spool)
    hands = Hands(str(spool), HASHED, 1)
    ids = [mail(spool), mail(spool, "hold")]
    inodes = [
        Path(path_of(spool, state, id)).stat().st_ino
        for id, state in zip(ids, ("deferred", "hold"), strict=True)
    ]
    for step, number in steps:
        id = ids[number]
        queued = [Path(path_of(spool, state, id)) for state in module.STATES]
        at = next((path for path in queued if path.exists()), None)
        if step == "postsuper -d":
            if at and (spool / "mtatui/trash" / id).exists() and at.parent.name != "corrupt":
                at.unlink()
        elif step in ("corrupt", "active"):
            if at:
                at.rename(spool / step / id)
        elif step == "aside":
            [fresh] = ask(hands, "fresh", (id,))
            if fresh and isinstance(taken := ask(hands, "aside", (id, fresh[0]))[0], list):
                ids[number] = taken[0]
        else:
            answers = ask(hands, step, (id, "deferred") if step == "keep" else (id,))
            assert "Error: " not in str(answers)  # it was understood
        for other, inode in zip(ids, inodes, strict=True):
            names = [p for p in spool.rglob(other) if p.lstat().st_ino == inode]
            assert names, f"{other} was lost by {step}"
