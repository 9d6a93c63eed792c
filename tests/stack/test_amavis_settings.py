"""What the page makes of amavis's files, and writes into them, by what the real amavisd then says."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mtatui.backends import planning
from mtatui.backends.filters import amavis_asking
from mtatui.backends.filters.amavis_lint import socket_of
from mtatui.backends.filters.clamd import Clamd
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.reading import Filters
from mtatui.backends.host import File, HostError, NotPermitted
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Finding, Reading
from mtatui.settings.kinds import Refused
from tests.stack.amavis import FILTERED, TRANSPORT, Copy
from tests.unit import configured

pytestmark = [pytest.mark.stack, pytest.mark.daemons]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


_WORD = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
_DESTINY = st.sampled_from(["discard", "pass", "reject", "bounce"])
_PERCENT = st.floats(0, 500).map(lambda value: round(value, 2))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "filtering.spam_subject_tag": st.just("")
        | _WORD
        | st.sampled_from(["$x", "@y", "\\", "'", "\\'", "%s"]),
        "filtering.spam_tag_percent": _PERCENT,
        "filtering.spam_kill_percent": _PERCENT,
        "filtering.spam_destiny": _DESTINY,
        "filtering.check_outgoing": st.booleans(),
        "filtering.verify_dkim": st.booleans(),
        "filtering.always_signed_domains": st.sampled_from([(), ("a.test",), ("*.b.test", "c.test")]),
        "filtering.antivirus": st.booleans(),
        "filtering.virus_destiny": _DESTINY,
        "filtering.warn_virus_recipient": st.booleans(),
        "filtering.warn_virus_admin": st.booleans(),
        "filtering.admin_address": st.sampled_from(["o'neil@example.test", "a$b%c{d}@x.test", "root@x.test"]),
        "inbound.blocked_extensions": st.sampled_from([(), ("exe",), ("tar.gz", "x-y+z", "one")]),
        "inbound.blocked_extensions_notify_admin": st.booleans(),
        "inbound.blocked_extensions_notify_recipient": st.booleans(),
    },
)


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(CHANGES, CHANGES, st.booleans())
def test_what_is_set_is_so_and_what_is_reset_leaves_nothing(
    first: dict[str, Any], second: dict[str, Any], one_file: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        copy = Copy(Path(directory), one_file=one_file)
        before = copy.read()
        wanted: dict[str, Any] = {}
        for changes in (first, second):
            copy.apply(copy.plan(changes))
            wanted |= changes
            now = copy.read()
            assert {key: now.current[key].value for key in wanted} == wanted
            untouched = [key for key in before.current if key not in wanted]
            assert [key for key in untouched if now.current[key].value != before.current[key].value] == []
        copy.apply(copy.plan({key: before.current[key].value for key in wanted}))
        after = copy.read()
        assert {key: after.current[key].value for key in wanted} == {
            key: before.current[key].value for key in wanted
        }
        left = [path for path in copy.root.rglob("*mtatui*") if path.is_file()]
        assert left == [], left[0].read_text()


def test_as_debian_ships_it_nothing_is_checked(tmp_path: Path) -> None:
    copy = Copy(tmp_path, checks=False)
    reading = copy.read()
    assert {finding.id for finding in reading_findings(copy)} >= {"antivirus-off", "antispam-off"}
    assert reading.current["filtering.antivirus"].value is False
    assert reading.current["filtering.check_outgoing"].value is False
    assert "leaves out spam checks (20-package, line" in reading.current["filtering.spam_kill_percent"].note
    plan = copy.set(antivirus=True, spam_kill_percent=75.0)
    assert any("so far amavis left that out" in words for words in plan.words)
    assert copy.current("antivirus").value is True
    assert copy.current("check_outgoing").value is True
    assert not {"antivirus-off", "antispam-off"} & {finding.id for finding in reading_findings(copy)}


def findings_of(reading: Reading) -> list[Finding]:
    """What is said of the filters."""
    components = reading.source.filters.components()
    return [finding for component in components for finding in component.findings(reading.source)]


def reading_findings(copy: Copy) -> list[Finding]:
    """The same, of what is read now."""
    return findings_of(copy.read())


ODD = """\
use strict;
my %levels = map { ("$_\\@example.test" => 3 + length $_) } qw(anna bob);
@spam_kill_level_maps = (\\%levels, 9.5);
for my $v (\\$sa_tag2_level_deflt) { $$v = 4 + 1 / 4 }
our @later = (1, 2);
$final_destiny_maps_by_ccat{+CC_SPAM} = D_REJECT;
%banned_rules = ('DEFAULT' => new_RE(qr'\\.(?:wsf)$'i), 'NONE' => new_RE([qr'.' => 0]));
@bypass_spam_checks_maps = ({'bulk@example.test' => 1}, \\$bypass_spam_checks_re);
$virus_admin = "chief\\@$mydomain";
$banned_admin = undef;
print "hello\\n"; print STDERR "and here\\n";
$policy_bank{'MYNETS'} = { originating => 1, bypass_spam_checks_maps => [1] };
1;
"""


def test_unusual_perl_is_read_as_amavis_means_it(copy: Copy) -> None:
    copy.write("50-user", ODD)
    current = copy.read().current
    assert current["filtering.spam_kill_percent"].value == 47.5
    assert "@spam_kill_level_maps" in current["filtering.spam_kill_percent"].note
    assert current["filtering.spam_kill_percent"].where == "50-user, line 3"
    assert current["filtering.spam_tag_percent"].value == 21.25
    assert current["filtering.spam_destiny"].value == "reject"
    assert current["filtering.check_outgoing"].value is False
    assert current["filtering.admin_address"].value == "chief@example.test"
    changed = {
        "filtering.spam_kill_percent": 75.0,
        "filtering.spam_destiny": "pass",
        "filtering.check_outgoing": True,
        "inbound.blocked_extensions": ("exe",),
    }
    copy.apply(copy.plan(changed))
    now = copy.read().current
    assert {key: now[key].value for key in changed} == changed
    assert "@spam_kill_level_maps" in now["filtering.spam_kill_percent"].note, (
        "the admin's table still counts"
    )


def test_files_that_come_late_do_not_have_the_last_word(copy: Copy) -> None:
    copy.set(spam_kill_percent=75.0)
    assert (copy.conf / "60-mtatui").exists()
    copy.write("70-late", "use strict;\n$sa_kill_level_deflt = 3;\n1;\n")
    assert copy.current("spam_kill_percent").value == 15.0
    assert "amavis-read-later" in {finding.id for finding in reading_findings(copy)}
    copy.set(spam_kill_percent=66.0)
    assert copy.current("spam_kill_percent").value == 66.0
    assert not (copy.conf / "60-mtatui").exists()
    assert (copy.conf / "90-mtatui").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("use strict;\n$sa_kill_level_deflt = ;\n1;\n", "syntax error"),
        ("use strict;\n$sa_kil_level_deflt = 1;\n1;\n", "sa_kil_level_deflt"),
        ("die 'the moon stands wrong';\n", "the moon stands wrong"),
    ],
)
def test_files_that_amavis_cannot_read_are_told_in_its_words(copy: Copy, text: str, said: str) -> None:
    copy.write("50-user", text)
    current = copy.current("spam_kill_percent")
    assert current.unavailable.startswith("amavis cannot read its own files: ")
    assert said in current.unavailable
    assert "50-user" in current.unavailable
    assert [finding.id for finding in reading_findings(copy)] == ["amavis-broken"]
    with pytest.raises(Refused, match="cannot read its own files"):
        copy.plan({"spam_kill_percent": 75.0})


def test_files_that_never_end_have_a_time_limit(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amavis_asking, "PATIENCE", 1.5)
    copy.write("50-user", "sleep 600;\n1;\n")
    assert "within 2 seconds" in copy.current("spam_kill_percent").unavailable


def test_it_is_asked_once_while_its_files_are_the_same(copy: Copy) -> None:
    copy.read()
    asked = len(copy.host.log.entries)
    copy.read()
    assert len(copy.host.log.entries) == asked
    copy.write("50-user", "use strict;\n$sa_kill_level_deflt = 8;\n1;\n")
    assert copy.current("spam_kill_percent").value == 40.0
    assert len(copy.host.log.entries) > asked


def test_what_nothing_asks_is_said(copy: Copy) -> None:
    copy.main = ""
    assert reading_findings(copy)[0].id == "amavis-unasked"
    assert "nothing in Postfix names it" in copy.current("spam_kill_percent").note
    plan = copy.set(spam_kill_percent=75.0)
    assert any("has no effect yet" in caution.text for caution in plan.cautions)
    assert copy.current("inbound.blocked_extensions_notify_admin").unavailable
    assert any(
        edit.path.endswith("/main.cf") for edit in copy.plan({"inbound.blocked_extensions": ("exe",)}).edits
    )


def test_scores_are_kept_to_the_decimals(copy: Copy) -> None:
    copy.set(spam_tag_percent=33.0, spam_kill_percent=ALL["filtering.spam_kill_percent"].kind.parse("13.27p"))
    text = (copy.conf / "60-mtatui").read_text()
    assert "$sa_tag2_level_deflt = 6.6;" in text
    assert "$sa_kill_level_deflt = 13.27;" in text
    assert "$sa_dsn_cutoff_level = 17.693333;" in text
    assert copy.current("spam_kill_percent").value == 66.35


def test_the_tag_stands_below_the_kill_or_it_is_said(copy: Copy) -> None:
    (caution,) = copy.plan({"spam_tag_percent": 50.0}).cautions
    assert "before it would be marked" in caution.text
    assert copy.plan({"spam_tag_percent": 50.0, "spam_kill_percent": 75.0}).cautions == ()


def test_bounces_and_no_antivirus_are_warned_of(copy: Copy) -> None:
    assert "strangers" in copy.plan({"spam_destiny": "bounce"}).cautions[0].text
    assert "backscatter" in copy.plan({"virus_destiny": "reject"}).cautions[0].text
    assert copy.plan({"antivirus": False}).grave
    assert copy.plan({"virus_destiny": "pass"}).grave


def test_outgoing_mail_that_amavis_does_not_know_as_such_is_not_spared(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.stack import amavis

    monkeypatch.setattr(amavis, "TRANSPORT", "smtp-amavis unix - - n - 2 smtp\n")
    with pytest.raises(Refused, match="smtp_send_xforward_command=yes"):
        copy.plan({"check_outgoing": False})


def test_own_words_in_our_file_are_not_lost_unsaid(copy: Copy) -> None:
    copy.set(spam_kill_percent=75.0)
    path = copy.conf / "60-mtatui"
    path.write_text(path.read_text().replace("\n1;", "\n$sa_local_tests_only = 1;\n\n1;"))
    assert "amavis-own-changed" in {finding.id for finding in reading_findings(copy)}
    plan = copy.plan({"spam_kill_percent": 66.0})
    assert "$sa_local_tests_only = 1" not in "".join(line for line in plan.diff() if line.startswith("-"))
    assert plan.cautions


def test_keys_of_dkim_are_told(copy: Copy, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
    copy.write("50-user", f"use strict;\ndkim_key('example.test', 's1', '{key}');\n1;\n")
    assert copy.amavis().dkim_keys == (("example.test", "s1", str(key)),)


def clamd(copy: Copy, text: str, members: frozenset[str]) -> set[str]:
    """What is said of a clamd that is configured so, beside a group amavis with these members."""
    filters = copy.filters()
    assert filters.amavis is not None
    filters = replace(
        filters,
        amavis=replace(filters.amavis, groups={"amavis": members}),
        clamd=Clamd("/etc/clamav/clamd.conf", Conf.parse(text.encode())),
    )
    return {finding.id for finding in findings_of(copy.read(filters))} - {"no-clamd"}


def test_a_scanner_that_may_not_read_or_is_elsewhere_is_told(copy: Copy) -> None:
    at_home = "User clamav\nLocalSocket /run/clamav/clamd.ctl\n"
    assert clamd(copy, at_home, frozenset(["clamav"])) == set()
    assert clamd(copy, at_home, frozenset()) == {"clamd-not-in-group"}
    assert clamd(copy, at_home.replace("User clamav", "User root"), frozenset()) == set()
    assert clamd(copy, "User clamav\nLocalSocket /run/x.ctl\n", frozenset(["clamav"])) == {"clamd-elsewhere"}
    assert "no-clamd" in {finding.id for finding in findings_of(copy.read())}


def test_antivirus_without_a_scanner_asks_clamd_or_is_refused(copy: Copy) -> None:
    copy.write("50-user", "use strict;\n@av_scanners = (); @av_scanners_backup = ();\n1;\n")
    assert copy.current("antivirus").value is False
    assert "no scanner" in copy.current("antivirus").note
    with pytest.raises(Refused, match="install clamav-daemon"):
        copy.plan({"antivirus": True})
    conf = Conf.parse(b"LocalSocket /run/o'neil/clamd.ctl\n")
    filters = replace(copy.filters(), clamd=Clamd("/etc/clamav/clamd.conf", conf))
    plan = planning.plan(copy.read(filters), {"filtering.antivirus": True})
    copy.apply(replace(plan, edits=tuple(edit for edit in plan.edits if edit.path.endswith("mtatui"))))
    assert copy.current("antivirus").value is True
    assert socket_of(copy.amavis()) == "/run/o'neil/clamd.ctl"


def test_what_only_root_may_read_is_said_calmly(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    there = copy.host.files

    async def files(paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        found = await there(paths, contents=contents)
        return {
            path: NotPermitted(f"Only root may read {path}.") if path.endswith("50-user") else file
            for path, file in found.items()
        }

    monkeypatch.setattr(copy.host, "files", files)
    reading = copy.read()
    assert "Only root may read" in reading.current["filtering.spam_kill_percent"].unavailable
    assert findings_of(reading) == []
    assert reading.current["inbound.smtpd_helo_required"].unavailable == ""


def test_keys_that_only_root_may_read_do_not_make_amavis_broken(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    for path in (tmp_path, *tmp_path.parents):
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o711)
    copy.write("50-user", f"use strict;\ndkim_key('example.test', 's1', '{key}');\n1;\n")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    monkeypatch.setattr(
        copy.host, "command", lambda argv: [*nobody, *argv] if argv[0] == "perl" else list(argv)
    )
    reading = copy.read()
    why = reading.current["filtering.spam_kill_percent"].unavailable
    assert why.startswith("only root can ask amavis")
    assert "key.pem" in why
    assert findings_of(reading) == []


def test_no_amavis_is_no_trouble(copy: Copy) -> None:
    reading = copy.read(Filters(copy.places, {}))
    assert "apt install amavisd-new" in reading.current["filtering.antivirus"].unavailable
    assert "apt install spamassassin" in reading.current["filtering.always_signed_domains"].unavailable
    assert reading.current["inbound.blocked_extensions"].unavailable == ""
    assert "takes amavis" in reading.current["inbound.blocked_extensions_notify_admin"].unavailable


def test_what_postfix_blocked_moves_to_amavis(copy: Copy) -> None:
    filters, copy.main = copy.filters(), ""
    alone = planning.plan(copy.read(filters), {"inbound.blocked_extensions": ("exe", "scr")})
    below = f"{configured.ETC}/"
    table = {edit.path.removeprefix(below): edit.after for edit in alone.edits if edit.after is not None}
    main = table.pop("main.cf") + FILTERED.encode()
    source = configured.source(main, configured.MASTER + TRANSPORT, table)
    reading = configured.reading(replace(source, filters=filters))
    assert reading.current["inbound.blocked_extensions"].value == ("exe", "scr")
    plan = planning.plan(reading, {"inbound.blocked_extensions": ("exe", "scr", "hta")})
    gone = {edit.path.removeprefix(below) for edit in plan.edits if edit.after is None}
    assert gone == set(table)
    (own,) = (edit.after for edit in plan.edits if edit.path.endswith("60-mtatui"))
    assert b"('exe', 'scr', 'hta')" in (own or b"")
    assert any("in archives, too" in words for words in plan.words)


def test_spamassassins_own_check_takes_our_file(copy: Copy) -> None:
    copy.set(always_signed_domains=("bank.test", "*.example.test"))
    (path,) = copy.root.joinpath("sa").glob("*.cf")
    lint = ["spamassassin", "--lint", "-L", f"--cf=include {path}"]
    said = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    path.with_name("local.cf").write_text("adsp_override other.test custom_high  # by hand\n")
    current = copy.current("always_signed_domains")
    assert current.value == ("bank.test", "*.example.test")
    assert "other.test (local.cf, line 1)" in current.note
    copy.write("50-user", "use strict;\n$sa_local_tests_only = 1;\n1;\n")
    assert "asks no DNS" in copy.current("always_signed_domains").note
    (caution,) = copy.plan({"always_signed_domains": ("mail.example.com",)}).cautions
    assert "mail.example.com: mail of your own users" in caution.text
