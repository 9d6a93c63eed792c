"""``mtatui settings`` and the settings in ``mtatui history``: what a person and a script see and cause."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mtatui.backends.applying import Ending
from mtatui.cli.assignments import parse
from mtatui.cli.guard import Misused
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Login, Trial, Zone
from mtatui.settings.plan import Caution
from mtatui.text import clean
from tests.unit.settings_fake import (
    DUPLICATE,
    OLD,
    OPEN_RELAY,
    OVERRIDE,
    PATH,
    CommandLine,
    FakeConfiguration,
    FakeServer,
    entry,
    reading,
)

HELO = "inbound.smtpd_helo_required"


@pytest.fixture
def configuration() -> FakeConfiguration:
    """The settings of a server on which a few have been made."""
    return FakeConfiguration(
        reading(
            outbound__myhostname="mx1.example.com",
            outbound__relayhost="[smtp.example.com]:587",
            outbound__mynetworks=("127.0.0.0/8", "[::1]/128"),
            inbound__reject_rbl_client=(Zone("bl.example.net"), Zone("new.example.net", Trial.TRIAL)),
            inbound__blocked_extensions=("exe", "com"),
        )
    )


@pytest.fixture
def server(configuration: FakeConfiguration) -> FakeServer:
    """Its server."""
    return FakeServer(configuration)


@pytest.fixture
def cli(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """The command line on it."""
    return CommandLine(server, monkeypatch, capsys)


# --- looking ---


def test_show_everything_a_page_one(cli: CommandLine, configuration: FakeConfiguration) -> None:
    lines = cli("settings", "show").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(ALL)
    page = cli("settings", "show", "outbound").out
    assert "inbound." not in page
    assert "outbound.mynetworks" in page
    key = "inbound.reject_rbl_client"
    current = replace(configuration.now.current[key], overrides=(OVERRIDE,), note="a remark")
    configuration.now = replace(configuration.now, current={**configuration.now.current, key: current})
    one = cli("settings", "show", key).out
    assert one.startswith(f"{key} = bl.example.net new.example.net:trial\n")
    for words in ("By client address", "main.cf, line 7", "submission: no  (master.cf, line 17)", "a remark",
                  "554 5.7.1 Service unavailable", "postconf(5) reject_rbl_client"):  # fmt: skip
        assert words in one
    row = next(line for line in cli("settings", "show", "inbound").out.splitlines() if line.startswith(key))
    assert "not on submission" in row
    assert "a remark" in row


def test_show_for_programs(cli: CommandLine) -> None:
    document = cli("settings", "show", "--json").json
    assert set(document["settings"]) == set(ALL)
    networks = document["settings"]["outbound.mynetworks"]
    assert networks["value"] == ["127.0.0.0/8", "[::1]/128"]
    assert (networks["explicit"], networks["where"], networks["default"]) == (True, "main.cf, line 7", [])
    zones = document["settings"]["inbound.reject_rbl_client"]["value"]
    assert zones == {"bl.example.net": "enforce", "new.example.net": "trial"}
    assert set(cli("settings", "show", HELO, "--json").json["settings"]) == {HELO}


def test_unknown_names_are_told_with_near_ones(cli: CommandLine) -> None:
    said = cli("settings", "show", "mynetworks")
    assert said.code == 2
    assert "near it: outbound.mynetworks" in said.err
    assert "The pages are: inbound, outbound" in said.err
    assert cli("settings", "export", "elsewhere").code == 2


def test_passwords_are_masked_wherever_settings_are_shown(
    cli: CommandLine, configuration: FakeConfiguration
) -> None:
    configuration.now = reading(outbound__relay_login=Login("ann", "s3cret"))
    for arguments in (["show"], ["show", "outbound.relay_login"], ["show", "--json"], ["export"]):
        said = cli("settings", *arguments)
        assert said.code == 0
        assert "s3cret" not in said.out + said.err
        assert "ann" in said.out


def test_lint(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "lint")
    assert (said.code, said.out) == (0, "")
    assert "Nothing found" in said.err
    configuration.now = replace(configuration.now, findings=(OPEN_RELAY, DUPLICATE))
    said = cli("settings", "lint")
    assert said.code == 1
    assert said.out.splitlines()[0].startswith("grave  open-relay: Anybody can send.  [main.cf, line 3]")
    assert [finding["id"] for finding in cli("settings", "lint", "--json").json["findings"]] == [
        "open-relay",
        "duplicate",
    ]
    shown = cli("settings", "show")
    assert "open-relay" in shown.err
    assert "1 smaller thing" in shown.err
    configuration.now = replace(configuration.now, findings=(DUPLICATE,))
    assert cli("settings", "lint").code == 0


def test_what_was_changed_by_hand_is_said(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.now = replace(configuration.now, changed_outside=("/etc/postfix/main.cf",))
    assert "by hand" in cli("settings", "show").err


# --- setting ---


def test_set_shows_asks_and_applies(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "set", f"{HELO}=on", "outbound.relayhost=[smtp.example.com]:25", keys="y\n")
    assert (said.code, said.out) == (0, "applied  261122-201500-sabc\n")
    assert configuration.planned == {HELO: True, "outbound.relayhost": "[smtp.example.com]:25"}
    for words in ("A greeting is required: off → on", "It means something.", "-myhostname = mx1.example.com",
                  "postfix reload", "✓ lock", "history undo 261122-201500-sabc"):  # fmt: skip
        assert words in said.err
    configuration.applied.clear()
    assert cli("settings", "set", f"{HELO}=on", keys="n\n").code == 3
    assert configuration.applied == []


def test_without_a_terminal_nothing_asks(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "set", f"{HELO}=on")
    assert said.code == 3
    assert "--yes" in said.err
    assert configuration.applied == []
    assert cli("settings", "set", f"{HELO}=on", "--yes").code == 0
    assert len(configuration.applied) == 1


def test_a_dry_run_shows_the_plan_and_does_nothing(
    cli: CommandLine, configuration: FakeConfiguration
) -> None:
    configuration.cautions = (Caution("mind this"), Caution("grave thing", True))
    said = cli("settings", "set", f"{HELO}=on", "--dry-run")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "1 change for mx1"
    assert lines.index("  GRAVE: grave thing") < lines.index("  mind this")
    assert "+myhostname = mx2.example.com" in lines
    assert "  postfix reload" in lines
    document = cli("settings", "set", f"{HELO}=on", "--dry-run", "--json").json
    assert document["changes"] == [{"key": HELO, "before": "off", "after": "on"}]
    assert document["cautions"][1] == {"text": "grave thing", "grave": True}
    assert configuration.applied == []


def test_what_is_so_already_is_no_change(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "set", "outbound.myhostname=mx1.example.com")
    assert (said.code, said.out) == (0, "unchanged\n")
    assert cli("settings", "set", f"{HELO}=off", "--json").json["outcome"] == "unchanged"
    assert configuration.applied == []


def test_lists_are_added_to_and_taken_from(cli: CommandLine, configuration: FakeConfiguration) -> None:
    zones, networks = "inbound.reject_rbl_client", "outbound.mynetworks"
    cli("settings", "set", "--yes", f"{networks}+=10.0.0.0/8 127.0.0.0/8", f"{zones}-=bl.example.net")
    assert configuration.planned == {
        networks: ("127.0.0.0/8", "[::1]/128", "10.0.0.0/8"),
        zones: (Zone("new.example.net", Trial.TRIAL),),
    }
    cli(
        "settings", "set", "--yes", f"{zones}+=new.example.net:enforce", "inbound.blocked_extensions-=COM,bat"
    )
    assert configuration.planned == {
        zones: (Zone("bl.example.net"), Zone("new.example.net")),
        "inbound.blocked_extensions": ("exe",),
    }
    said = cli("settings", "set", "--yes", f"{HELO}+=on")
    assert said.code == 2
    assert "is for lists" in said.err


def test_all_mistakes_are_told_at_once_and_nothing_is_done(
    cli: CommandLine, configuration: FakeConfiguration
) -> None:
    said = cli("settings", "set", "--yes", "nonsense", "inbound.smtpd_helo_requird=on", f"{HELO}=maybe",
               "outbound.mynetworks=127.0.0.1/8", "inbound.reject_unauth_destination=off",
               "outbound.myhostname=a.example", "outbound.myhostname=b.example")  # fmt: skip
    assert said.code == 2
    for words in ("write KEY=VALUE", f"near it: {HELO}", "neither on nor off", "write 127.0.0.0/8",
                  "anybody could send", "outbound.myhostname is said twice"):  # fmt: skip
        assert words in said.err
    assert configuration.planned == {}


def test_what_the_server_cannot_do_is_refused(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.refuses = "amavis is not here"
    said = cli("settings", "set", "--yes", f"{HELO}=on")
    assert said.code == 3
    assert "amavis is not here" in said.err


def test_who_may_not_change_may_still_plan(
    cli: CommandLine, configuration: FakeConfiguration, server: FakeServer
) -> None:
    configuration.why = "only root may do that"
    said = cli("settings", "set", "--yes", f"{HELO}=on")
    assert said.code == 4
    assert "only root may do that" in said.err
    server.host.read_only = True
    assert cli("settings", "set", "--yes", f"{HELO}=on").code == 3
    assert cli("settings", "set", "--dry-run", f"{HELO}=on").code == 0
    assert configuration.applied == []


def test_yes_does_not_answer_what_is_grave(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.cautions = (Caution("Nobody could send any more.", True),)
    said = cli("settings", "set", f"{HELO}=on", "--yes")
    assert said.code == 3
    assert "Nobody could send any more." in said.err
    assert "--accept-risk" in said.err
    assert cli("settings", "set", f"{HELO}=on", "--accept-risk").code == 3
    for typed in ("y\n", "mx\n", "\n"):
        assert cli("settings", "set", f"{HELO}=on", "--yes", keys=typed).code == 3
    assert configuration.applied == []
    assert cli("settings", "set", f"{HELO}=on", keys="mx1\n").code == 0
    assert cli("settings", "set", f"{HELO}=on", "--yes", "--accept-risk").code == 0
    assert len(configuration.applied) == 2


@pytest.mark.parametrize(
    ("ending", "code"),
    [(Ending.APPLIED, 0), (Ending.UNCHANGED, 0), (Ending.REFUSED, 3), (Ending.CHANGED, 3),
     (Ending.ROLLED_BACK, 5), (Ending.BROKEN, 5)],
)  # fmt: skip
def test_exit_codes(cli: CommandLine, configuration: FakeConfiguration, ending: Ending, code: int) -> None:
    configuration.ending = ending
    said = cli("settings", "set", f"{HELO}=on", "--yes", "--json")
    assert (said.code, said.json["outcome"], said.json["entry"]) == (code, str(ending), "261122-201500-sabc")


def test_what_somebody_else_did_meanwhile_is_shown(
    cli: CommandLine, configuration: FakeConfiguration
) -> None:
    configuration.ending = Ending.CHANGED
    configuration.versions = {PATH: (b"", OLD + b"relayhost = [elsewhere.example]\n")}
    said = cli("settings", "set", f"{HELO}=on", "--yes")
    assert said.code == 3
    assert "+relayhost = [elsewhere.example]" in said.err
    assert "Say it again" in said.err


def test_confirm_within(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "set", f"{HELO}=on", "--yes", "--confirm-within", "5m")
    assert said.code == 0
    assert configuration.applied[0][1] == 300
    assert "mtatui history confirm 261122-201500-sabc" in said.err
    for wrong in ("5", "0s", "5d", "25h", "-5m", "five", "٥m"):
        assert cli("settings", "set", f"{HELO}=on", "--yes", f"--confirm-within={wrong}").code == 2


def test_default(cli: CommandLine, configuration: FakeConfiguration) -> None:
    assert cli("settings", "default", "outbound.mynetworks", HELO, "--yes").code == 0
    assert configuration.planned == {"outbound.mynetworks": ()}
    assert cli("settings", "default", "mynetworks").code == 2


def test_what_was_interrupted_is_told_before_anything_else_is_changed(
    cli: CommandLine, configuration: FakeConfiguration
) -> None:
    configuration.interrupted = [entry("261122-101500-sabc", 1.0, Ending.ROLLED_BACK, text="It is back.")]
    said = cli("settings", "set", f"{HELO}=on", "--yes")
    assert said.code == 0
    assert said.err.startswith("261122-101500-sabc by ann had been interrupted: It is back.\n")
    configuration.interrupted = [entry("261122-101500-sabc", 1.0)]
    assert "interrupted" not in cli("settings", "show").err


# --- passwords ---


def test_a_password_is_read_from_standard_input(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "set", "outbound.relay_login=ann:-", "--yes", stdin="s3cr:et\nmore\n")
    assert said.code == 0
    assert configuration.planned == {"outbound.relay_login": Login("ann", "s3cr:et")}
    assert "s3cr" not in said.out + said.err
    assert cli("settings", "set", "outbound.relay_login=ann:-", "--yes", stdin="").code == 2
    assert cli("settings", "set", "outbound.relay_login=ann:-", "--yes", stdin=b"\xff\n").code == 2


def test_a_password_is_asked_for(
    cli: CommandLine, configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _: "s3cret")
    said = cli("settings", "set", "outbound.relay_login=ann", keys="y\n")
    assert said.code == 0
    assert configuration.planned == {"outbound.relay_login": Login("ann", "s3cret")}
    assert "s3cret" not in said.out + said.err


def test_a_password_on_the_command_line_is_refused_and_not_repeated(cli: CommandLine) -> None:
    said = cli("settings", "set", "outbound.relay_login=ann:s3cret", "--yes")
    assert said.code == 2
    assert "everybody on this machine can read it" in said.err
    assert "s3cret" not in said.err
    said = cli("settings", "set", "outbound.relay_login=ann", "--yes")
    assert said.code == 2
    assert "outbound.relay_login=USER:- reads it" in said.err


def test_a_login_is_taken_away(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.now = reading(outbound__relay_login=Login("ann", "s3cret"))
    assert cli("settings", "set", "outbound.relay_login=", "--yes").code == 0
    assert configuration.planned == {"outbound.relay_login": None}


# --- profiles ---


def test_export_apply_diff(cli: CommandLine, configuration: FakeConfiguration, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(cli("settings", "export").out)
    said = cli("settings", "diff", str(file))
    assert (said.code, said.out) == (0, "")
    assert cli("settings", "apply", str(file)).out == "unchanged\n"
    configuration.now = reading("mx2", outbound__relayhost="[elsewhere.example]", outbound__myhostname="mx2")
    said = cli("settings", "diff", str(file))
    assert said.code == 1
    assert "outbound.relayhost" in said.out
    assert "outbound.myhostname" not in said.out
    assert "4 of 4 settings" in said.err
    differences = cli("settings", "diff", str(file), "--json").json["differences"]
    assert {"key": "outbound.mynetworks", "value": [], "wanted": ["127.0.0.0/8", "[::1]/128"]} in differences
    assert cli("settings", "apply", str(file), "--yes").code == 0
    assert configuration.planned["inbound.blocked_extensions"] == ("exe", "com")
    assert cli("settings", "apply", "-", "--yes", stdin="[inbound]\nsmtpd_helo_required = true\n").code == 0
    assert configuration.planned == {HELO: True}


def test_a_profile_with_mistakes_tells_them_all(
    cli: CommandLine, configuration: FakeConfiguration, tmp_path: Path
) -> None:
    file = tmp_path / "profile.toml"
    file.write_text('[inbound]\nsmtpd_helo_required = "maybe"\n\n[outbound]\nmynetwork = []\n')
    said = cli("settings", "apply", str(file), "--yes")
    assert said.code == 2
    assert f'{file}: line 2: {HELO}: "maybe" is neither on nor off' in said.err
    assert (
        f'{file}: line 5: there is no setting "outbound.mynetwork"; near it: outbound.mynetworks' in said.err
    )
    assert configuration.planned == {}
    file.write_bytes(b"\xff\xfe")
    assert "not in UTF-8" in cli("settings", "diff", str(file)).err
    assert cli("settings", "diff", str(tmp_path / "none.toml")).code == 2


# --- hostile words ---


ASSIGNED = st.tuples(st.sampled_from([*ALL, ""]), st.text(max_size=30)).map("=".join)


@given(words=st.lists(ASSIGNED | st.text(max_size=30), max_size=3))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_are_assignments_or_mistakes(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    said = ""
    try:
        found = parse(words)
    except Misused as mistake:
        said = str(mistake)
    else:
        assert len(found) == len(words)
    assert clean(said, lines=True) == said
