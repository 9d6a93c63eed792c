"""The login at the relay host: which one is shown, where it lies, and whom it follows."""

from __future__ import annotations

import pytest

from mtatui.backends import planning
from mtatui.backends.host import NotPermitted
from mtatui.backends.postfix import tables
from mtatui.settings.kinds import Login, Refused
from tests.unit import configured

RELAY = "relayhost = [smtp.example.net]:587\n"


def test_a_login_is_for_the_relay_host_and_follows_it() -> None:
    before = configured.source(configured.MAIN + RELAY)
    first = configured.applied(
        before, planning.plan(configured.reading(before), {"outbound.relay_login": Login("me", "secret")})
    )
    table = f"{configured.ETC}/{tables.RELAY_LOGIN}"
    assert first.file(table) is not None
    assert b"\n[smtp.example.net]:587 me:secret\n" in (first.file(table) or b"")
    plan = planning.plan(configured.reading(first), {"outbound.relayhost": "[other.example.net]"})
    second = configured.applied(first, plan)
    assert b"\n[other.example.net] me:secret\n" in (second.file(table) or b"")
    assert any("is given to [other.example.net]" in caution.text for caution in plan.cautions)


def test_a_login_without_a_relay_host_is_refused() -> None:
    with pytest.raises(Refused, match="no relay host"):
        planning.plan(configured.reading(configured.source()), {"outbound.relay_login": Login("me", "x")})


def test_a_password_is_nowhere_but_in_its_file() -> None:
    before = configured.source(
        configured.MAIN + RELAY, files={tables.RELAY_LOGIN: b"[smtp.example.net]:587 me:0ld&\n"}
    )
    plan = planning.plan(configured.reading(before), {"outbound.relay_login": Login("me", "n3w*word")})
    shown = "\n".join([*plan.diff(), *plan.words, *plan.commands(), repr(plan.changes), repr(plan.cautions)])
    assert "n3w*word" not in shown
    assert "0ld&" not in shown
    assert "me:••••••••" in shown
    (edit,) = [edit for edit in plan.edits if edit.path.endswith(tables.RELAY_LOGIN)]
    assert edit.mode == 0o600
    assert b"me:n3w*word" in (edit.after or b"")


def test_somebody_elses_login_is_shown_and_not_taken_away() -> None:
    main = configured.MAIN + RELAY + "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
    before = configured.source(main, files={"sasl_passwd": b"[smtp.example.net]:587 them:theirs\n"})
    reading = configured.reading(before)
    assert reading.current["outbound.relay_login"].value == Login("them", "theirs")
    with pytest.raises(Refused, match="not stand in a table of mtatui's"):
        planning.plan(reading, {"outbound.relay_login": None})
    plan = planning.plan(reading, {"outbound.relay_login": Login("me", "mine")})
    value = configured.applied(before, plan).lookup("smtp_sasl_password_maps") or ""
    ours, theirs = value.replace(",", " ").split()
    assert ours.endswith(tables.RELAY_LOGIN), "ours must be asked first"
    assert theirs == "hash:/etc/postfix/sasl_passwd"


def test_a_table_of_logins_may_be_laid_out_as_its_admin_likes() -> None:
    main = configured.MAIN + RELAY + "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
    table = b"# [smtp.example.net]:587 old:old\n[other]\ta:b\n[smtp.example.net]:587 \t them:the:irs\n"
    current = configured.reading(configured.source(main, files={"sasl_passwd": table})).current
    assert current["outbound.relay_login"].value == Login("them", "the:irs")


def test_a_login_that_may_not_be_seen_is_said_to_be_there() -> None:
    main = (
        configured.MAIN
        + RELAY
        + f"smtp_sasl_password_maps = texthash:{configured.ETC}/{tables.RELAY_LOGIN}\n"
    )
    source = configured.source(main, files={tables.RELAY_LOGIN: NotPermitted("no")})
    current = configured.reading(source).current["outbound.relay_login"]
    assert current.explicit
    assert "only root" in current.note
