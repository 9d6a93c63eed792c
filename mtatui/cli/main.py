"""The root of the command line: the options that go before a command, and the commands by name.

Commands are imported when they are called for, so that ``--version`` is there in a blink.
"""

from __future__ import annotations

from importlib import import_module

import click

from mtatui import __version__
from mtatui.cli.guard import NobodyListens
from mtatui.cli.options import Options


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own: name → ``module:attribute``."""

    def __init__(self, *args: object, commands_at: dict[str, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own arguments, passed on
        self._at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order in which they were declared."""
        return list(self._at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in self._at:
            return None
        module, _, attribute = self._at[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Do what was asked. click would make exit code 1 of a reader that has left; that is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise NobodyListens from error


@click.group(
    cls=LazyGroup,
    commands_at={
        "queue": "mtatui.cli.queue:queue",
        "settings": "mtatui.cli.settings:settings",
        "history": "mtatui.cli.history:history",
        "services": "mtatui.cli.services:services",
        "service": "mtatui.cli.services:service",
        "signatures": "mtatui.cli.signatures:signatures",
        "dkim": "mtatui.cli.dkim:dkim",
        "servers": "mtatui.cli.servers:servers",
        "doctor": "mtatui.cli.doctor:doctor",
    },
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 some not done, 2 usage, 3 refused, 4 out of reach or not permitted.",
)
@click.option(
    "--demo", is_flag=True, help="A server to play with: 2,000 messages of a bad day, nothing real."
)
@click.option(
    "--server",
    metavar="NAME",
    default="",
    help="Which servers: NAME, @TAG, mx*, all, with commas between. What looks is about all without it.",
)
@click.option(
    "--hosts", metavar="HOST,…", default="", help="These hosts, as ssh takes them, and not those configured."
)
@click.option(
    "--inventory", metavar="FILE", default="", help="The servers of an Ansible inventory, or of a plain list."
)
@click.option("-c", "config_dir", metavar="CONFIG_DIR", default="", help="Postfix's config_directory.")
@click.option("--read-only", is_flag=True, help="Look, and refuse whatever would change the server.")
@click.version_option(__version__, message="mtatui %(version)s")
@click.pass_context
def root(
    ctx: click.Context,
    demo: bool,
    server: str,
    hosts: str,
    inventory: str,
    config_dir: str,
    read_only: bool,
) -> int | None:
    """The mail admin's terminal for Postfix. Without a command: the terminal face.

    Data goes to standard output, narration to standard error.
    """
    ctx.obj = Options(demo, server, config_dir, read_only, hosts, inventory)
    if ctx.invoked_subcommand is None:
        from mtatui.cli.terminal import open_terminal

        return open_terminal(ctx.obj)
    return None
