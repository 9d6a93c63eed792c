"""Postfix's own commands and the one place that calls them: postconf, postqueue, postsuper, postcat.

What they print when they refuse is told in words for the person who has to act on it. Their exit codes prove
little (postsuper's nothing at all): who needs proof reads the output, or the queue.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from mtatui.backends.host import WATCH, Completed, Host, HostError, Missing, NotPermitted, Unreachable
from mtatui.text import clean

#: Seconds that one postsuper may take: it handles hundreds of messages a second even on a slow disk.
LONG = 4 * 3600.0

#: What postcat shows of a message: the options for it (postcat(1)).
PARTS = {"headers": "-h", "body": "-b", "raw": "-bh", "envelope": "-e"}

_ID = re.compile(r"[A-Za-z0-9]{5,}")

_AS_ROOT = "Run mtatui as root, or let it use sudo."
_NO_MAIN_CF = r"main\.cf: No such file"
_OF_ROOT = (
    "Only root may use this configuration directory on {host}. For others, name it in "
    "alternate_config_directories or multi_instance_directories of the default main.cf"
)
_REFUSALS: tuple[tuple[str, type[HostError], str], ...] = (
    ("mail system is down", Unreachable, "Postfix is not running on {host}. Start it with: {start}"),
    ("reserved for the superuser", NotPermitted, "{command} is for root only on {host}. " + _AS_ROOT),
    ("unauthorized configuration directory", NotPermitted, f"{_OF_ROOT}."),
    (
        "not allowed to",
        NotPermitted,
        "{host} does not allow this user to do that: see authorized_flush_users and authorized_mailq_users.",
    ),
    (_NO_MAIN_CF, Missing, "There is no Postfix configuration on {host}: {text}"),
    (
        "Flush service is not configured",
        HostError,
        "{host} cannot flush that site alone: it is not in fast_flush_domains. Flush all instead.",
    ),
    (r"open queue file \S+: No such file", Missing, "The message is not in the queue of {host} any more."),
    (
        "open logfile",
        HostError,
        "{command} cannot write the mail log of {host} and gave up half way: {text}. With maillog_file set, "
        "postlogd writes it, and that runs with the mail system: start Postfix first.",
    ),
    ("permission denied", NotPermitted, "{command} may not do that on {host} as this user. " + _AS_ROOT),
)


def explain(completed: Completed, host: str) -> HostError:
    """The error that a failed command amounts to, in words."""
    text = completed.errors
    command = completed.argv[0]
    # Of this instance: without its -c it would be another one that is started.
    where = completed.argv[1:3] if list(completed.argv[1:2]) == ["-c"] else ()
    start = " ".join(("postfix", *where, "start"))
    if where and command == "postqueue" and re.search(_NO_MAIN_CF, text) and where[1] not in text:
        # It is setgid: whether this user may use another directory, the default one says.
        return NotPermitted(f"{_OF_ROOT.format(host=host)}, which there is not ({text}).")
    for pattern, kind, words in _REFUSALS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(words.format(host=host, command=command, text=text, start=start))
    if completed.returncode == 255 and not text:
        # ssh's own (ssh(1), EXIT STATUS): no command of Postfix ends so.
        return Unreachable(f"The connection to {host} was cut, or {command} was killed there.")
    said = text or f"exit code {completed.returncode} and not a word"
    return HostError(f"{command} failed on {host}: {said}")


class Tools:
    """The commands of one Postfix instance."""

    def __init__(self, host: Host, config_directory: str | None = None) -> None:
        """Use the commands on a host, for the default instance or the one configured in a directory."""
        self.host = host
        self._config = () if config_directory is None else ("-c", config_directory)

    def argv(self, command: str, *arguments: str) -> list[str]:
        """A Postfix command for this instance."""
        return [command, *self._config, *arguments]

    async def parameters(self, *names: str) -> dict[str, str]:
        """The effective values of main.cf parameters, ``$names`` in them expanded (postconf(1) ``-x``).

        Unknown names are left out: which ones exist depends on the version.

        Raises:
            HostError: Postfix is not installed or has no configuration here.
        """
        # With names in the output, not -h: a name that postconf does not know would shift the values.
        completed = await self._well(self.argv("postconf", "-x", *names))
        values = {}
        for line in completed.stdout.decode("utf-8", "replace").split("\n"):
            name, equals, value = line.partition(" =")
            if equals:
                values[name] = value.strip()
        return values

    async def version(self) -> tuple[int, ...]:
        """Postfix's version, ``(3, 7, 11)``; a snapshot ``3.9-20231012`` is ``(3, 9)``."""
        text = (await self.parameters("mail_version")).get("mail_version", "")
        return tuple(int(number) for number in text.partition("-")[0].split(".") if number.isdigit())

    async def status(self) -> bool:
        """Whether the mail system is running."""
        if self.host.superuser:
            status = await self.host.run(self.argv("postfix", "status"), note=WATCH)
            if status.returncode == 0:
                return True
        # "postfix status" is for root and says no to others, too (beside sudo we are one of them); what
        # postqueue says about it is for everybody.
        asked = await self.host.run(self.argv("postqueue", "-j"), limit=4096, note=WATCH)
        return "mail system is down" not in asked.errors.lower()

    async def flush(self) -> None:
        """Ask for a delivery attempt of every deferred message now (postqueue(1) ``-f``).

        Raises:
            Unreachable, NotPermitted: Postfix is down, or the user may not.
        """
        await self._well(self.argv("postqueue", "-f"), changes=True)

    async def flush_site(self, site: str) -> None:
        """Ask for a delivery attempt of the messages for one site (postqueue(1) ``-s``).

        Raises:
            HostError: the site is not in fast_flush_domains; or as `flush`.
        """
        await self._well(self.argv("postqueue", "-s", site), changes=True)

    async def deliver_now(self, ids: Iterable[str], on_done: Callable[[str, str], None]) -> None:
        """Ask for a delivery attempt of single messages, out of turn (postqueue(1) ``-i``), a few at a time.

        Args:
            ids: queue IDs; a generator may stop giving them to stop the work.
            on_done: told of each ID, with "" or what went wrong. An ID that is not in the queue goes well.

        Raises:
            Unreachable, NotPermitted, Missing: it failed for a reason that holds for all the others too.
        """
        from mtatui.backends.postfix.schedule import Schedule

        await Schedule(self.host, self.argv("postqueue", "-i"), explain, on_done).run(ids)

    async def cat(self, message: str, part: str, limit: int) -> tuple[bytes, bool]:
        """What postcat(1) shows of a message, and whether there is more of it than the limit (bytes).

        Args:
            message: a queue ID, or the path of a queue file (the only name in the trash).
            part: one of `PARTS`.

        Raises:
            Missing: the message is gone, or this is no name of one.
            NotPermitted: only root may look into messages.
        """
        by_path = message.startswith("/")
        if not by_path and not _ID.fullmatch(message):
            raise Missing(f"{clean(message)!r} is not a queue ID.")
        by_id = () if by_path else ("-q",)
        argv = self.argv("postcat", *by_id, PARTS[part], message)
        completed = await self.host.run(argv, limit=limit, timeout=60)
        if completed.returncode != 0 and not completed.cut:
            raise explain(completed, self.host.name)
        return completed.stdout, completed.cut

    async def super(
        self,
        option: str,
        ids: AsyncIterator[bytes],
        on_line: Callable[[bytes], None],
        *,
        directories: Sequence[str] = (),
        note: str = "",
    ) -> Completed:
        """Run one ``postsuper`` over queue IDs, which go in by standard input as they come (postsuper(1)).

        Args:
            option: its letter: d, f, h, H, r.
            ids: chunks of lines, one ID each.
            on_line: hears each line it prints (``postsuper: ID: removed``) as it is printed.
            directories: the queue directories to look in, where the default ones are not meant.

        Returns:
            How it ended. The exit code is 0 when nothing was done, and may be 1 when all was: read its lines.
        """
        return await self.host.run(
            self.argv("postsuper", f"-{option}", "-", *directories),
            changes=True,
            input=ids,
            on_stderr=on_line,
            timeout=LONG,
            note=note,
        )

    async def super_structure(self, directory: str) -> Completed:
        """Give the files of one queue directory the names that fit their inodes (postsuper(1) ``-s``)."""
        return await self.host.run(self.argv("postsuper", "-s", directory), changes=True, timeout=LONG)

    async def _well(self, argv: list[str], *, changes: bool = False) -> Completed:
        completed = await self.host.run(argv, changes=changes)
        if completed.returncode != 0:
            raise explain(completed, self.host.name)
        return completed
