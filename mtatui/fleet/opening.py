"""From what the config file, an inventory or the command line says of servers to the servers themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtatui.config import Config, ServerEntry
from mtatui.fleet import Fleet, Questions
from mtatui.server import Server

if TYPE_CHECKING:
    from mtatui.backends.host import Host

#: What a host is called that is this machine.
HERE = ("localhost", "")


@dataclass(frozen=True, slots=True)
class Opening:
    """How servers are opened: what holds for all of them."""

    read_only: bool = False
    keep_days: int = 7
    keep_bytes: int = 1024**3
    ssh_config: str = ""
    """What ssh reads in place of the user's own configuration (ssh(1) ``-F``)."""
    questions: Questions | None = None
    """What answers the questions of ssh; without it ssh asks on the terminal by itself."""

    @classmethod
    def of(cls, config: Config, *, read_only: bool = False, questions: Questions | None = None) -> Opening:
        """As the config file has it."""
        return cls(
            read_only=read_only or config.read_only,
            keep_days=config.trash_days,
            keep_bytes=config.trash_bytes,
            ssh_config=getattr(config, "ssh_config", ""),
            questions=questions,
        )

    def server(self, entry: ServerEntry) -> Server:
        """The server of an entry. Nothing is asked of it yet."""
        return Server(
            self._host(entry),
            entry.config_directory or None,
            entry.name,
            keep_days=self.keep_days,
            keep_bytes=self.keep_bytes,
            far=entry.host not in HERE,
        )

    def fleet(self, entries: Iterable[ServerEntry]) -> Fleet:
        """The servers of all entries, at least one.

        Raises:
            ValueError: two have the same name, or one that is not fit; the words say which.
        """
        entries = list(entries)
        tags = {entry.name: entry.tags for entry in entries if entry.tags}
        return Fleet([self.server(entry) for entry in entries], tags, self.questions, self)

    def _host(self, entry: ServerEntry) -> Host:
        if entry.host in HERE:
            if entry.sudo:
                from mtatui.backends.host_sudo import SudoHost

                return SudoHost(read_only=self.read_only)
            from mtatui.backends.host_local import LocalHost

            return LocalHost(read_only=self.read_only)
        from mtatui.backends.host_ssh import SshHost

        return SshHost(
            entry.name,
            entry.host,
            sudo=entry.sudo,
            read_only=self.read_only,
            ssh_config=self.ssh_config,
            on_prompt=self.questions.ask if self.questions is not None else None,
        )
