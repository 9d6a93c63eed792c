"""What the logs tell about the probe's messages: lines as the daemons of a Debian 12 wrote them."""

from __future__ import annotations

from pathlib import Path

from mtatui.backends.chain.hearing import Hearing
from mtatui.backends.chain.story import Story

RUN = "15bc7af28c292ebe"
CLEAN = f"<mtatui-probe.clean.{RUN}@mail.example.test>"
VIRUS = f"<mtatui-probe.virus.{RUN}@mail.example.test>"
TO = "to=<double-bounce@mail.example.test>"
THROWN = (
    f"{TO}, relay=none, delay=0, delays=0/0/0/0, dsn=2.0.0, "
    "status=sent (undeliverable postmaster notification discarded)"
)
BY_AMAVIS = f"{TO}, relay=127.0.0.1[127.0.0.1]:10024, delay=0.2, delays=0/0/0/0.2, dsn=2.0.0, status=sent "

PASSED = [
    "postfix/smtpd[473]: A05CD2A: client=localhost[127.0.0.1]",
    f"postfix/cleanup[486]: A05CD2A: message-id={CLEAN}",
    "postfix/qmgr[400]: A05CD2A: from=<>, size=745, nrcpt=1 (queue active)",
    "postfix/smtpd[490]: D123E2D: client=localhost[127.0.0.1]",
    f"postfix/cleanup[486]: D123E2D: message-id={CLEAN}",
    f"postfix/qmgr[400]: D123E2D: {THROWN}",
    "postfix/qmgr[400]: D123E2D: removed",
    "amavis[475]: (00475-01) Passed CLEAN {RelayedInbound}, MYNETS LOCAL [127.0.0.1]:41120 <> -> "
    f"<double-bounce@mail.example.test>, Queue-ID: A05CD2A, Message-ID: {CLEAN}, mail_id: hjI2G5L_T0SE, "
    "Hits: -0.199, size: 745, queued_as: D123E2D, dkim_sd=mail:example.test, 198 ms",
    f"postfix/smtp[487]: A05CD2A: {BY_AMAVIS}(250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: "
    "queued as D123E2D)",
    "postfix/qmgr[400]: A05CD2A: removed",
]
BLOCKED = [
    f"postfix/cleanup[486]: 7473B2E: message-id={VIRUS}",
    "postfix/cleanup[486]: 99E6F32: message-id=<VA95q0L-b6bRWN@mail.example.test>",
    "amavis[474]: (00474-02) (!)FAILED to notify admin: 501 5.1.3 Bad recipient address syntax",
    "amavis[474]: (00474-02) Blocked INFECTED (Eicar-Test.UNOFFICIAL) {DiscardedInbound,Quarantined}, "
    "[127.0.0.1]:41122 <> -> <double-bounce@mail.example.test>, quarantine: 9/virus-95q0L-b6bRWN, "
    f"Queue-ID: 7473B2E, Message-ID: {VIRUS}, mail_id: 95q0L-b6bRWN, Hits: -, size: 620, 172 ms",
    f"postfix/smtp[487]: 7473B2E: {BY_AMAVIS}(250 2.7.0 Ok, discarded, id=00474-02 - INFECTED: Eicar-Test)",
    "postfix/qmgr[400]: 7473B2E: removed",
    "postfix/smtp[496]: 99E6F32: to=<postmaster@example.test>, relay=127.0.0.1[127.0.0.1]:2500, delay=0.09, "
    "delays=0.01/0.03/0/0.04, dsn=2.0.0, status=sent (250 ok)",
    "postfix/qmgr[400]: 99E6F32: removed",
]


def heard(*lines: str) -> Story:
    story = Story()
    for line in lines:
        story.hear(f"Nov 22 23:33:24 mail {line}")
    return story


def test_a_message_is_followed_through_amavis_to_its_end() -> None:
    told = heard(*PASSED).of(CLEAN, "A05CD2A")
    assert told["over"]
    assert list(told["queue_ids"]) == ["A05CD2A", "D123E2D"]
    assert [end["program"] for end in told["ends"]] == ["qmgr"]
    judged = told["judged"]
    assert (judged["passed"], judged["class"], judged["actions"]) == ("Passed", "CLEAN", "RelayedInbound")
    assert (judged["hits"], judged["banks"]) == ("-0.199", "MYNETS LOCAL")
    assert judged["dkim"] == "mail:example.test"
    assert len(told["lines"]) == len(PASSED)


def test_it_is_not_over_before_every_line_of_it_has_come() -> None:
    """Whichever line is still to come but those that say nothing about its end."""
    for missing in (6, 7, 9):
        lines = [line for at, line in enumerate(PASSED) if at != missing]
        assert not heard(*lines).of(CLEAN, "A05CD2A")["over"], PASSED[missing]


def test_what_another_server_took_is_at_its_end() -> None:
    taken = f"{TO}, relay=mx.elsewhere.test[192.0.2.9]:25, delay=1, status=sent (250 Ok: queued as 4ABCDE)"
    told = heard(PASSED[1], f"postfix/smtp[5]: A05CD2A: {taken}", PASSED[9]).of(CLEAN, "A05CD2A")
    assert told["over"]
    assert [end["relay"] for end in told["ends"]] == ["mx.elsewhere.test[192.0.2.9]:25"]


def test_a_blocked_one_is_told_with_its_notices_and_what_amavis_complained_of() -> None:
    told = heard(*PASSED, *BLOCKED).of(VIRUS, "7473B2E")
    assert told["over"]
    judged = told["judged"]
    assert (judged["class"], judged["what"]) == ("INFECTED", "Eicar-Test.UNOFFICIAL")
    assert judged["quarantine"] == "9/virus-95q0L-b6bRWN"
    assert judged["hits"] is None
    assert judged["said"] == ["(!)FAILED to notify admin: 501 5.1.3 Bad recipient address syntax"]
    [notice] = told["notices"]
    assert (notice["kind"], notice["queue_id"]) == ("VA", "99E6F32")
    assert notice["deliveries"][0]["to"] == "postmaster@example.test"


def test_it_is_not_over_before_its_notices_are() -> None:
    assert not heard(*BLOCKED[:-1]).of(VIRUS, "7473B2E")["over"]


def test_what_waits_for_another_try_is_over_for_now_and_left_in_the_queue() -> None:
    deferred = (
        f"postfix/smtp[9]: 7473B2E: {TO}, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred "
        "(connect to 127.0.0.1[127.0.0.1]:10024: Connection refused)"
    )
    story = heard(BLOCKED[0], deferred)
    assert story.of(VIRUS, "7473B2E")["over"]
    assert story.left({"7473B2E", "NEVERSEEN"}) == ["7473B2E", "NEVERSEEN"]
    assert heard(*PASSED).left({"A05CD2A", "D123E2D"}) == []


def test_what_amavis_replied_tells_where_its_own_line_is_elsewhere() -> None:
    story = heard(BLOCKED[0], *BLOCKED[4:6])
    told = story.of(VIRUS, "7473B2E")
    assert (told["over"], told["awaited"]) == (False, True)
    judged = told["judged"]
    assert (judged["passed"], judged["class"], judged["what"]) == ("Blocked", "INFECTED", "Eicar-Test")
    assert judged["actions"] == "Discarded"
    # A filter before the queue has the listener say it.
    said = "5.7.0 Reject, id=00474-02 - spam"
    judged = heard().of(VIRUS, "", said)["judged"]
    assert (judged["class"], judged["actions"]) == ("SPAM", "Rejected")
    assert heard(BLOCKED[3]).of(VIRUS, "", said)["over"]
    bounced = (
        f"postfix/smtp[9]: 7473B2E: {TO}, relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=5.7.0, "
        "status=bounced (host 127.0.0.1[127.0.0.1] said: 554 5.7.0 Reject, id=00474-02 - BANNED: "
        ".exe,a.exe (in reply to end of DATA command))"
    )
    judged = heard(BLOCKED[0], bounced, BLOCKED[5]).of(VIRUS, "7473B2E")["judged"]
    assert (judged["class"], judged["what"], judged["actions"]) == ("BANNED", ".exe,a.exe", "Rejected")


def test_what_was_put_off_and_went_through_at_the_second_try_went_through() -> None:
    put_off = f"postfix/smtp[9]: A05CD2A: {TO}, relay=x, delay=1, status=deferred (451 4.5.0 From MTA)"
    told = heard(PASSED[1], put_off).of(CLEAN, "A05CD2A")
    assert [end["status"] for end in told["ends"]] == ["deferred"]
    told = heard(PASSED[1], put_off, *PASSED).of(CLEAN, "A05CD2A")
    assert told["over"]
    assert [end["status"] for end in told["ends"]] == ["sent"]
    told = heard(PASSED[1], put_off, "postfix/postsuper[9]: A05CD2A: removed").of(CLEAN, "A05CD2A")
    assert [end["status"] for end in told["ends"]] == ["deferred"]  # by us, who tidied up


def test_lines_of_others_are_nothing_to_it() -> None:
    told = heard(*BLOCKED, "kernel: x", "postfix/smtpd[1]: connect from unknown[192.0.2.9]", "").of(CLEAN, "")
    assert told["queue_ids"] == {}
    assert told["judged"] is None
    assert not told["over"]


def test_only_what_comes_from_now_on_is_heard_also_when_the_log_is_rotated(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text("old\n")
    hearing = Hearing([str(tmp_path / "none"), str(log)], wants_journal=False)
    assert hearing.files == [str(log)]
    with log.open("a") as file:
        file.write("one\ntw")
    assert list(hearing.lines()) == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert list(hearing.lines()) == ["two"]
    log.rename(tmp_path / "mail.log.1")
    log.write_text("three\n")
    assert list(hearing.lines()) == ["three"]
    log.write_text("4\n")  # cut short in place
    assert [line for _ in range(3) for line in hearing.lines()] == ["4"]
