"""What happened to the probe's messages against what the settings promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mtatui.backends.probing.letters import Kind, Letter, letters
from mtatui.backends.probing.promises import End, promises
from mtatui.backends.probing.verdicts import Judged, Verdict, judge
from mtatui.settings.current import Current, Reading

OFF = {
    "filtering.antivirus": False,
    "filtering.virus_destiny": "discard",
    "filtering.spam_kill_percent": 75,
    "filtering.spam_destiny": "discard",
    "filtering.verify_dkim": False,
    "filtering.always_signed_domains": (),
    "inbound.blocked_extensions": (),
}
ON = OFF | {
    "filtering.antivirus": True,
    "filtering.verify_dkim": True,
    "filtering.always_signed_domains": ("bank.test",),
    "inbound.blocked_extensions": ("exe", "vbs"),
}
THROWN = {"status": "sent", "text": "undeliverable postmaster notification discarded", "program": "qmgr"}


def reading(**values: Any) -> Reading:
    given = ON | {key.replace("__", "."): value for key, value in values.items()}
    return Reading("mx", 0.0, {key: Current(value, None) for key, value in given.items()})


def letter(kind: Kind) -> Letter:
    about = {Kind.FORGED: "bank.test", Kind.SIGNED: "s1._domainkey.ours.test", Kind.BLOCKED: "probe.exe"}
    return Letter(kind, f"<{kind}@x>", b"x", about.get(kind, ""))


def amavis(passed: str, found: str, actions: str, hits: str | None = None, **other: Any) -> dict[str, Any]:
    judged = {"passed": passed, "class": found, "actions": actions, "hits": hits, "what": None}
    return judged | {"quarantine": None, "dkim": None, "banks": None, "said": [], "mail_id": "x"} | other


PASSED = amavis("Passed", "CLEAN", "RelayedInbound", "0.1")
VIRUS = amavis("Blocked", "INFECTED", "DiscardedInbound,Quarantined", what="Eicar")


def told(judged: dict[str, Any] | None, *ends: dict[str, Any], code: int = 250) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "judged": judged,
        "ends": list(ends),
        "queue_ids": {"ABCDE": {}},
        "notices": [],
        "over": True,
    }
    reply: dict[str, Any] = {"code": code, "text": "2.0.0 Ok", "stage": "end of data", "queue_id": "ABCDE"}
    return {"reply": reply, "facts": facts}


def verdict(
    kind: Kind, said: dict[str, Any], clean: dict[str, Any] | None = None, /, **values: Any
) -> Judged:
    promised = promises(reading(**values), {each: letter(each) for each in Kind})
    outgoing = values.get("filtering__check_outgoing", True)
    return judge(letter(kind), promised[kind], said, clean, outgoing_checked=outgoing)


@pytest.mark.parametrize(
    ("destiny", "found", "expected"),
    [
        ("discard", VIRUS, Verdict.KEPT),
        ("reject", VIRUS, Verdict.BROKEN),
        ("pass", VIRUS, Verdict.BROKEN),
        ("reject", VIRUS | {"actions": "RejectedInbound,Quarantined"}, Verdict.KEPT),
        ("bounce", VIRUS | {"actions": "NoBounceInbound,Quarantined"}, Verdict.KEPT),
        ("pass", VIRUS | {"passed": "Passed", "actions": "RelayedTaggedInbound"}, Verdict.KEPT),
        ("discard", PASSED, Verdict.BROKEN),
        ("discard", amavis("Blocked", "BANNED", "DiscardedInbound"), Verdict.UNKNOWN),
    ],
)
def test_a_virus_is_dealt_with_as_the_settings_say(
    destiny: str, found: dict[str, Any], expected: Verdict
) -> None:
    said = told(found, *([THROWN] if found["passed"] == "Passed" else []))
    assert verdict(Kind.VIRUS, said, filtering__virus_destiny=destiny).verdict is expected


def test_those_are_told_whom_the_settings_name() -> None:
    said = told(VIRUS)
    tell = {"filtering__warn_virus_admin": True, "filtering__warn_virus_recipient": True}
    assert "administrator got no notice" in verdict(Kind.VIRUS, said, **tell).happened
    said["facts"]["notices"] = [{"kind": "VA"}]
    judged = verdict(Kind.VIRUS, said, **tell)
    assert judged.verdict is Verdict.BROKEN
    assert "a notice to the administrator" in judged.happened
    assert "the recipient got no notice" in judged.happened
    said["facts"]["notices"] += [{"kind": "VR"}]
    assert verdict(Kind.VIRUS, said, **tell).verdict is Verdict.KEPT
    # Recipients elsewhere are never told.
    said = told(VIRUS | {"actions": "DiscardedOutbound"})
    said["facts"]["notices"] = [{"kind": "VA"}]
    assert verdict(Kind.VIRUS, said, **tell).verdict is Verdict.KEPT


def test_what_passes_unfound_says_so() -> None:
    judged = verdict(Kind.VIRUS, told(PASSED, THROWN))
    assert "it was not found" in judged.happened
    assert verdict(Kind.VIRUS, told(None, THROWN)).verdict is Verdict.BROKEN


def test_what_is_off_promises_nothing_and_yet_it_is_told_what_happened() -> None:
    judged = verdict(Kind.VIRUS, told(VIRUS), filtering__antivirus=False)
    assert judged.verdict is Verdict.NOTHING
    assert "found a virus (Eicar), discarded" in judged.happened
    for kind in (Kind.SIGNED, Kind.FORGED):
        off = {"filtering__verify_dkim": False, "filtering__always_signed_domains": ()}
        assert verdict(kind, told(PASSED, THROWN), **off).verdict is Verdict.NOTHING


def test_a_refusal_at_the_door_keeps_the_promise_that_it_does_not_come_in() -> None:
    for kind in (Kind.VIRUS, Kind.SPAM, Kind.BLOCKED):
        assert verdict(kind, told(None, code=550)).verdict is Verdict.KEPT
    assert verdict(Kind.CLEAN, told(None, code=550)).verdict is Verdict.BROKEN


def test_what_is_put_off_tells_nothing_but_that_mail_does_not_go_through() -> None:
    waits = {
        "status": "deferred",
        "text": "connect to 127.0.0.1:10024: Connection refused",
        "program": "smtp",
    }
    clean = verdict(Kind.CLEAN, told(None, waits))
    assert (clean.verdict, clean.end) == (Verdict.BROKEN, End.PUT_OFF)
    assert "Connection refused" in clean.happened
    assert verdict(Kind.VIRUS, told(None, waits)).verdict is Verdict.UNKNOWN
    # Greylisting is policy.
    assert verdict(Kind.CLEAN, told(None, code=450)).verdict is Verdict.UNKNOWN


def test_clean_mail_that_is_tagged_breaks_the_promise() -> None:
    assert verdict(Kind.CLEAN, told(PASSED, THROWN)).verdict is Verdict.KEPT
    tagged = amavis("Passed", "SPAMMY", "RelayedTaggedInbound", "7.1")
    assert verdict(Kind.CLEAN, told(tagged, THROWN)).verdict is Verdict.BROKEN


def test_spam_from_inside_is_not_promised_where_outgoing_mail_is_not_checked() -> None:
    inside = told(PASSED | {"banks": "MYNETS LOCAL", "hits": None}, THROWN)
    assert verdict(Kind.SPAM, inside, filtering__check_outgoing=False).verdict is Verdict.UNKNOWN
    assert verdict(Kind.SPAM, inside, filtering__check_outgoing=True).verdict is Verdict.BROKEN


def test_a_signature_is_verified_for_its_own_domain() -> None:
    good = PASSED | {"dkim": "s1:ours.test,s2:other.test"}
    assert verdict(Kind.SIGNED, told(good, THROWN)).verdict is Verdict.KEPT
    other = PASSED | {"dkim": "s1:theirs.test"}
    doubtful = replace(letter(Kind.SIGNED), doubt="s1._domainkey.ours.test has no record")
    promised = promises(reading(), {each: letter(each) for each in Kind} | {Kind.SIGNED: doubtful})
    judged = judge(doubtful, promised[Kind.SIGNED], told(other, THROWN), None)
    assert judged.verdict is Verdict.UNKNOWN
    assert "has no record" in judged.happened
    assert verdict(Kind.SIGNED, told(other, THROWN)).verdict is Verdict.BROKEN


def test_a_forged_one_from_those_who_always_sign_scores_more() -> None:
    clean = told(PASSED, THROWN)
    worse = verdict(Kind.FORGED, told(PASSED | {"hits": "15.1"}, THROWN), clean)
    assert worse.verdict is Verdict.KEPT
    assert "+15.0 points" in worse.happened
    assert verdict(Kind.FORGED, told(PASSED, THROWN), clean).verdict is Verdict.BROKEN
    verified = PASSED | {"hits": "9", "dkim": "mtatui-probe:bank.test"}
    assert verdict(Kind.FORGED, told(verified, THROWN), clean).verdict is Verdict.BROKEN


def test_a_forged_one_from_others_does_not_count_as_signed() -> None:
    none: dict[str, Any] = {"filtering__always_signed_domains": ()}
    own = PASSED | {"dkim": "mail:bank.test"}  # OpenDKIM signed it on its way in, as mail from inside
    assert verdict(Kind.FORGED, told(own, THROWN), **none).verdict is Verdict.UNKNOWN
    assert verdict(Kind.FORGED, told(PASSED, THROWN), **none).verdict is Verdict.KEPT
    verified = PASSED | {"dkim": "mtatui-probe:bank.test"}
    assert verdict(Kind.FORGED, told(verified, THROWN), **none).verdict is Verdict.BROKEN


def test_a_server_without_filters_promises_only_that_mail_arrives() -> None:
    bare = Reading("mx", 0.0, {"filtering.antivirus": Current(True, None, unavailable="there is no amavis")})
    promised = promises(bare, {each: letter(each) for each in Kind})
    assert [kind for kind, one in promised.items() if one.destiny] == [Kind.CLEAN]
    assert "there is no amavis" in promised[Kind.VIRUS].text


def test_strangers_words_cannot_steer_the_terminal() -> None:
    judged = verdict(Kind.VIRUS, told(VIRUS | {"what": "E\x1b[2Jvil"}))
    assert "\x1b" not in judged.happened


def test_the_letters_say_what_they_are_and_cannot_be_mistaken() -> None:
    made = letters("4f2a", "mx.test", "nobody@mx.test", extension="vbs", signer=None, pretended="bank.test",
                   why_not="no key")  # fmt: skip
    by_kind = {one.kind: one for one in made}
    assert list(by_kind) == list(Kind)
    assert by_kind[Kind.SIGNED].data == b""
    assert by_kind[Kind.SIGNED].why_not == "no key"
    for one in made:
        if one.data:
            assert one.message_id == f"<mtatui-probe.{one.kind}.4f2a@mx.test>"
            assert f"Message-ID: {one.message_id}\r\n".encode() in one.data
            assert one.data.count(b"\n") == one.data.count(b"\r\n")
    assert b'filename="probe.vbs"' in by_kind[Kind.BLOCKED].data
    assert b"From: postmaster@bank.test" in by_kind[Kind.FORGED].data
    assert b"d=bank.test" in by_kind[Kind.FORGED].data
    body = by_kind[Kind.VIRUS].data.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"X5O!")
    assert len(body.strip()) == 68  # as a whole, or scanners do not know it


def test_what_amavis_bans_by_rules_of_its_own_is_not_called_unblocked() -> None:
    ours = reading(inbound__blocked_extensions=())
    note = "amavis bans more by rules of its own (20-debian_defaults, line 106)"
    theirs = replace(
        ours, current={**ours.current, "inbound.blocked_extensions": Current((), None, note=note)}
    )
    letters = {each: letter(each) for each in Kind}
    assert promises(ours, letters)[Kind.BLOCKED].text == "nothing (no extension is blocked)"
    assert promises(theirs, letters)[Kind.BLOCKED].text == (
        f"nothing (no extension is blocked here, but {note})"
    )
