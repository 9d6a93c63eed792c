"""The configuration of a server from reading to history, with a Postfix that is only played.

Files, history and the program that applies are real; ``postconf`` is answered from memory, and Postfix's
other commands say yes to everything.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.applying import Ending
from mtatui.backends.configuration import Configuration
from mtatui.backends.host import Completed
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix import tables
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.settings.kinds import Login, Refused, Trial
from mtatui.settings.plan import Plan
from tests.unit import configured

HELO, SIZE, LOGIN = "inbound.smtpd_helo_required", "outbound.message_size_limit", "outbound.relay_login"
SENDER = "inbound.reject_non_fqdn_sender"


class Played(LocalHost):
    """A host with a Postfix of a main.cf, a master.cf and nothing else."""

    def __init__(self, home: Path, *, read_only: bool = False) -> None:
        super().__init__("mx1", read_only=read_only)
        self.superuser = True
        self.etc = home / "etc"
        self.queue = home / "queue"
        if not self.etc.exists():
            self.etc.mkdir()
            self.queue.mkdir()
            self.main_cf.write_text(
                configured.MAIN + f"queue_directory = {self.queue}\nrelayhost = [smtp.example.net]:587\n"
            )
            (self.etc / "master.cf").write_text(configured.MASTER)

    @property
    def main_cf(self) -> Path:
        return self.etc / "main.cf"

    def command(self, argv: Sequence[str]) -> list[str]:
        return [shutil.which("true") or "/bin/true"] if argv[0] in ("postfix", "sendmail") else list(argv)

    async def run(self, argv: Sequence[str], **options: Any) -> Completed:
        if argv[0] != "postconf":
            return await super().run(argv, **options)
        main = MainCf.parse(self.main_cf.read_bytes())
        values = dict(configured.defaults()) | {"config_directory": str(self.etc), "mail_version": "3.7.11"}
        if "-d" not in argv:
            values |= {name: found.value for name in main.names() if (found := main.get(name))}
        said = "regexp\nhash\n" if "-m" in argv else "".join(f"{n} = {v}\n" for n, v in values.items())
        return Completed(tuple(argv), 0, said.encode("utf-8", "surrogateescape"), b"", 0.0)


@pytest.fixture
def host(tmp_path: Path) -> Played:
    return Played(tmp_path)


@pytest.fixture
def configuration(host: Played) -> Configuration:
    return Configuration(host, str(host.etc))


async def plan(configuration: Configuration, **changes: Any) -> Plan:
    """A plan of changes, keys written as ``page__name``."""
    reading = await configuration.read()
    return configuration.plan(reading, {key.replace("__", ".", 1): v for key, v in changes.items()})


async def test_a_server_bears_its_own_name_unless_it_was_given_one(host: Played) -> None:
    assert (await Configuration(host, str(host.etc)).read()).server == "mail.example.com"
    assert (await Configuration(host, str(host.etc), "mx1").read()).server == "mx1"


async def test_what_is_applied_is_read_told_and_taken_back(
    host: Played, configuration: Configuration
) -> None:
    before = host.main_cf.read_bytes()
    made = await plan(
        configuration, inbound__smtpd_helo_required=True, outbound__relay_login=Login("me", "s3cret")
    )
    steps: list[str] = []
    applied = await configuration.apply(made, progress=lambda step: steps.append(step.name))
    assert (applied.outcome, applied.exit_code) == (Ending.APPLIED, 0)
    assert steps[0] == "lock"
    assert steps[-1] == "finish"
    login = host.etc / tables.RELAY_LOGIN
    assert login.stat().st_mode & 0o777 == 0o600
    assert login.parent.stat().st_mode & 0o777 == 0o755

    reading = await configuration.read()
    assert reading.current[HELO].value is True
    assert reading.current[LOGIN].value == Login("me", "s3cret")
    assert reading.changed_outside == ()

    (entry,) = await configuration.history()
    assert entry == await configuration.entry(applied.entry_id)
    assert [change.key for change in entry.changes] == [HELO, LOGIN]
    assert "s3cret" not in repr(entry)

    back = await configuration.undo_plan(entry)
    assert back.undoes == entry.id
    assert "s3cret" not in "\n".join([*back.diff(), repr(back.changes)])
    assert (await configuration.apply(back)).outcome is Ending.APPLIED
    assert host.main_cf.read_bytes() == before
    assert not login.exists()
    assert [entry.undoes for entry in await configuration.history()] == [entry.id, ""]


async def test_changes_by_hand_are_seen_and_survive_an_undo(
    host: Played, configuration: Configuration
) -> None:
    await configuration.apply(await plan(configuration, **{SENDER.replace(".", "__"): Trial.ENFORCE}))
    host.main_cf.write_text(host.main_cf.read_text() + "# by hand\nmessage_size_limit = 5242880\n")
    assert (await configuration.read(ask_history=True)).changed_outside == (str(host.main_cf),)

    (entry,) = await configuration.history()
    back = await configuration.undo_plan(entry)
    assert any("its settings are set back, and nothing else" in caution.text for caution in back.cautions)
    await configuration.apply(back)
    reading = await configuration.read()
    assert reading.current[SENDER].value is Trial.OFF
    assert reading.current[SIZE].value == 5242880
    assert "# by hand" in host.main_cf.read_text()
    assert reading.changed_outside == ()


async def test_an_undo_says_what_it_would_lose(host: Played, configuration: Configuration) -> None:
    await configuration.apply(await plan(configuration, outbound__message_size_limit=20 * 1024 * 1024))
    host.main_cf.write_text(host.main_cf.read_text().replace("20971520", "30000000"))
    (entry,) = await configuration.history()
    back = await configuration.undo_plan(entry)
    (grave,) = back.grave
    assert "changed once more since then" in grave.text
    assert "30,000,000" in grave.text


async def test_an_undo_of_what_is_undone_already_is_no_plan(
    host: Played, configuration: Configuration
) -> None:
    await configuration.apply(await plan(configuration, inbound__smtpd_helo_required=True))
    (entry,) = await configuration.history()
    host.main_cf.write_text(host.main_cf.read_text().replace("smtpd_helo_required = yes\n", "# gone\n"))
    assert (await configuration.undo_plan(entry)).empty


async def test_another_admins_change_is_no_change_by_hand(host: Played, configuration: Configuration) -> None:
    await configuration.apply(await plan(configuration, inbound__smtpd_helo_required=True))
    assert (await configuration.read(ask_history=True)).changed_outside == ()
    colleague = Configuration(host, str(host.etc))
    await colleague.apply(await plan(colleague, outbound__message_size_limit=20 * 1024 * 1024))
    assert (await configuration.read()).changed_outside == ()


async def test_who_has_not_asked_the_history_may_have_it_asked(
    host: Played, configuration: Configuration
) -> None:
    await configuration.apply(await plan(configuration, inbound__smtpd_helo_required=True))
    host.main_cf.write_text(host.main_cf.read_text() + "# by hand\n")
    begun = Configuration(host, str(host.etc))
    assert (await begun.read()).changed_outside == ()
    assert (await begun.read(ask_history=True)).changed_outside == (str(host.main_cf),)
    assert (await begun.read()).changed_outside == (str(host.main_cf),)


async def test_what_was_changed_meanwhile_is_not_overwritten(
    host: Played, configuration: Configuration
) -> None:
    made = await plan(configuration, inbound__smtpd_helo_required=True)
    theirs = host.main_cf.read_bytes() + b"# theirs\n"
    host.main_cf.write_bytes(theirs)
    applied = await configuration.apply(made)
    assert (applied.outcome, applied.exit_code) == (Ending.CHANGED, 3)
    assert host.main_cf.read_bytes() == theirs
    ours, now = applied.versions[str(host.main_cf)]
    assert b"smtpd_helo_required = yes" in (ours or b"")
    assert now == theirs


async def test_a_change_of_master_cf_meanwhile_counts_too(host: Played, configuration: Configuration) -> None:
    """The plan's words and probes were made from it."""
    made = await plan(configuration, inbound__smtpd_helo_required=True)
    (host.etc / "master.cf").write_text(configured.MASTER + "# theirs\n")
    assert (await configuration.apply(made)).outcome is Ending.CHANGED


async def test_what_waits_is_confirmed_or_taken_back(host: Played, configuration: Configuration) -> None:
    before = host.main_cf.read_bytes()
    made = await plan(configuration, inbound__smtpd_helo_required=True)
    first = await configuration.apply(made, confirm_within=60)
    assert first.outcome is Ending.AWAITING
    assert (await configuration.roll_back(first.entry_id)).outcome is Ending.ROLLED_BACK
    assert host.main_cf.read_bytes() == before

    made = await plan(configuration, inbound__smtpd_helo_required=True)
    second = await configuration.apply(made, confirm_within=60)
    assert (await configuration.confirm(second.entry_id)).outcome is Ending.APPLIED
    assert b"smtpd_helo_required = yes" in host.main_cf.read_bytes()
    assert await configuration.settle() == []


async def test_who_may_not_change_is_told_why(host: Played, tmp_path: Path) -> None:
    looking = Configuration(Played(tmp_path, read_only=True), str(host.etc))
    assert "read-only" in looking.why_not()
    assert await looking.settle() == []
    host.superuser = False
    assert "root" in Configuration(host).why_not()
    host.superuser = True
    assert Configuration(host).why_not() == ""


# -- the plan ------------------------------------------------------------------------------------------------


async def test_a_plan_says_what_it_means_what_runs_and_what_must_answer(configuration: Configuration) -> None:
    made = await plan(
        configuration,
        inbound__reject_unknown_sender_domain=Trial.TRIAL,
        inbound__reject_non_fqdn_sender=Trial.TRIAL,
        inbound__reject_non_fqdn_recipient=Trial.ENFORCE,
    )
    assert made.words[:2] == (
        "One check refuses mail from now on: reject_non_fqdn_recipient.",
        "Two checks go on trial: nobody is turned away, the log counts who would be "
        "(reject_non_fqdn_sender, reject_unknown_sender_domain).",
    )
    commands = [line.split(" /")[0] for line in made.commands()]
    assert commands[-3:] == ["postfix -c", "probe 127.0.0.1:25 (smtp)", "probe 127.0.0.1:587 (submission)"]
    assert len(made.reload) == 1


async def test_what_is_switched_is_said_in_the_words_of_the_page(configuration: Configuration) -> None:
    made = await plan(
        configuration, inbound__smtpd_helo_required=True, outbound__message_size_limit=20 * 1024 * 1024
    )
    assert made.words == (
        "From now on: a greeting is required.",
        "Largest message, from now on: 20M (20,971,520 bytes).",
    )


async def test_where_a_change_does_not_apply_is_said_once(configuration: Configuration) -> None:
    made = await plan(
        configuration,
        inbound__reject_unknown_recipient_domain=Trial.TRIAL,
        inbound__reject_non_fqdn_recipient=Trial.TRIAL,
    )
    assert made.words[-1] == (
        "Not so at submission, where master.cf says otherwise: "
        "Recipient must be complete, Recipient's domain must exist."
    )


async def test_one_mistake_refuses_the_whole_plan(host: Played, configuration: Configuration) -> None:
    with pytest.raises(Refused, match=r"^Host name: "):
        await plan(configuration, inbound__smtpd_helo_required=True, outbound__myhostname="a\nb")


async def test_a_change_by_hand_after_ones_own_is_seen(host: Played, configuration: Configuration) -> None:
    await configuration.history()
    await configuration.apply(await plan(configuration, inbound__smtpd_helo_required=True))
    assert (await configuration.read()).changed_outside == ()
    host.main_cf.write_text(host.main_cf.read_text() + "# by hand\n")
    assert (await configuration.read()).changed_outside == (str(host.main_cf),)
