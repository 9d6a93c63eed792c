"""Profiles: what is written is what is read, and a mistake is told with its line."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.settings import profile
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Login, Trial, Zone
from mtatui.settings.profile import Mistakes
from tests.unit.settings_fake import empty, reading
from tests.unit.test_settings_kinds import values

OPEN = {key: setting for key, setting in ALL.items() if not setting.kind.secret}


@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(list(OPEN)), unique=True, max_size=6))
    said = {key: data.draw(values(OPEN[key].kind)) for key in keys}
    if said.get("inbound.reject_unauth_destination") is Trial.OFF:
        del said["inbound.reject_unauth_destination"]
    now = reading(**{key.replace(".", "__"): value for key, value in said.items()})
    text = profile.write(now)
    for key in ("outbound.myhostname", "outbound.smtp_helo_name"):
        said.pop(key, None)
    # What the kind itself would not take from a person (a name that is empty) is left out.
    wanted = {
        key: said[key] for key in ALL if (key in said and said[key] != "") or (key in said and loads(key, ""))
    }
    assert profile.read(text) == wanted
    assert profile.differences(now, wanted) == []


def loads(key: str, value: Any) -> bool:
    try:
        ALL[key].kind.load(value)
    except ValueError:
        return False
    return True


def test_a_profile_is_for_people() -> None:
    now = reading(outbound__mynetworks=("127.0.0.0/8",), inbound__reject_rbl_client=(Zone("bl.example.net"),))
    text = profile.write(now)
    lines = text.splitlines()
    assert 'mynetworks = ["127.0.0.0/8"]' in lines
    assert 'reject_rbl_client = { "bl.example.net" = "enforce" }' in lines
    assert "#smtpd_helo_required = false" in lines
    assert "# -- Protocol checks --" in lines
    assert any(line.startswith("# A greeting is required: Clients must say") for line in lines)
    assert max(map(len, lines)) <= 120
    assert "[outbound]" not in profile.write(now, ["inbound"])


def test_the_names_of_one_server_are_not_given_to_others() -> None:
    now = reading(outbound__myhostname="mx1.example.com", outbound__smtp_helo_name="$myhostname")
    text = profile.write(now)
    assert profile.read(text) == {"outbound.smtp_helo_name": "$myhostname"}
    assert '#myhostname = "mx1.example.com"' in text.splitlines()


def test_passwords_stay_out() -> None:
    text = profile.write(reading(outbound__relay_login=Login("ann", "s3cret")))
    assert "s3cret" not in text
    assert "# ann, password set; passwords stay out: mtatui settings set outbound.relay_login=USER" in text
    assert "outbound.relay_login" not in profile.read(text)
    with pytest.raises(Mistakes, match="a password is not taken from a file"):
        profile.read('[outbound]\nrelay_login = "ann:s3cret"\n')
    assert profile.read('[outbound]\nrelay_login = ""\n') == {"outbound.relay_login": None}


def test_what_could_not_be_applied_is_left_out_with_its_reason() -> None:
    now = reading(outbound__mynetworks=("127.0.0.1/8",), outbound__myhostname='a"\n[inbound]\nx = "')
    text = profile.write(now)
    assert profile.read(text) == {}
    assert '# Left out, for it could not be applied: "127.0.0.1/8" has host bits set' in text
    assert '#mynetworks = ["127.0.0.1/8"]' in text.splitlines()
    key = "inbound.blocked_extensions_notify_admin"
    current = replace(now.current[key], unavailable="that takes amavis", explicit=True)
    text = profile.write(replace(now, current={**now.current, key: current}))
    assert "# Not to be set on this server: that takes amavis" in text


@given(st.text(st.characters(codec=None), max_size=40))
def test_whatever_is_set_the_profile_is_toml(value: str) -> None:
    now = reading(value, outbound__relayhost=value, inbound__blocked_extensions=(value,))
    text = profile.write(now)
    tomllib.loads(text)
    assert set(profile.read(text)) <= {"outbound.relayhost", "inbound.blocked_extensions"}


def test_mistakes_are_told_all_at_once_with_their_lines() -> None:
    text = (
        "title = 'x'\n[inbound]\nsmtpd_helo_required = 7\nreject_non_fqdn_sendr = 'trial'\n"
        "reject_rbl_client = ['bl.example.net:maybe']\n\n[filtering]\nspam = 1\n"
        "[outbound.mynetworks]\nx = 'y'\n"
    )
    with pytest.raises(Mistakes) as caught:
        profile.read(text)
    lines = caught.value.lines
    assert lines[0] == 'line 1: there is no setting "title"'
    assert lines[1] == "line 3: inbound.smtpd_helo_required: true or false is wanted here, not a number"
    assert lines[2].startswith(
        'line 4: there is no setting "inbound.reject_non_fqdn_sendr"; near it: inbound.reject_non'
    )
    assert lines[3] == 'line 5: inbound.reject_rbl_client: "maybe" is none of off, trial, enforce'
    assert lines[4].startswith('line 8: there is no setting "filtering.spam"')
    assert lines[5] == "line 9: outbound.mynetworks: a list of texts is wanted here, not a table"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[inbound\n", "no TOML"),
        ("a = 1\na = 2\n", "no TOML"),
        ("inbound = 3\n", 'no setting "inbound"'),
        ("x" * 2_000_000, "more than"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_what_is_no_profile(text: str, told: str) -> None:
    with pytest.raises(Mistakes, match=told):
        profile.read(text)


@pytest.mark.parametrize("text", ["", "[inbound]\n", "# nothing\n"])
def test_an_empty_profile_wants_nothing(text: str) -> None:
    assert profile.read(text) == {}


def test_differences_are_about_what_the_profile_says_only() -> None:
    now = reading(inbound__smtpd_helo_required=True)
    (difference,) = profile.differences(now, {"inbound.smtpd_helo_required": False})
    assert (difference.is_, difference.wanted) == (True, False)
    assert profile.differences(now, {"outbound.relayhost": empty(ALL["outbound.relayhost"].kind)}) == []
