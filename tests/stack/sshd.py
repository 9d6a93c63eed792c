"""A private sshd on loopback: its own keys, its own port, and ways to be odd; nothing of this machine's.

Whoever logs in is this machine's root, so that private Postfix instances are there under their paths. `host`
is mtatui's way to it, `config` an ``ssh -F`` file with as many aliases as are wanted.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from mtatui.backends.host import Prompt
from mtatui.backends.host_ssh import SshHost
from tests.stack.loopback import Port

#: What a login does before and instead of the command, as sh(1); "$SSH_ORIGINAL_COMMAND" is that.
PLAIN = ""
NOISY = 'echo "Welcome to mx1! Today is a good day."; head -c 3000 /dev/zero | tr "\\0" "."; echo; '
RESTRICTED = "echo This account is only for sftp; exit 1; "
FLOOD = "head -c 200000000 /dev/zero; "
SILENT = "sleep 600; "
#: Who logs in is nobody, and no more.
NOBODY = (
    "exec setpriv --reuid=65534 --regid=65534 --clear-groups env PATH=/usr/bin:/bin HOME=/ "
    'sh -c "$SSH_ORIGINAL_COMMAND"; '
)
#: Where sshd looks for programs.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Sshd:
    """One private sshd, alive inside ``with``.

    Args:
        login: what a login does before its command (`NOISY`, …), as a shell would read it.
        banner: what sshd says before the login.
        python: False hides Python from who logs in.
        user: who logs in.
        password: root's there, by which one can log in, too: ssh itself asks for it, and so does PAM.
        sudoers: what sudo reads there in place of this machine's sudoers(5).
        sudo: False hides sudo.
        over: files that lie over this machine's for who logs in there (``{"/etc/theirs": ours}``).
        options: lines of sshd_config(5) that go before ours.
    """

    def __init__(
        self,
        *,
        login: str = PLAIN,
        banner: str = "",
        python: bool = True,
        user: str = "root",
        passphrase: str = "",
        password: str = "",
        sudoers: str = "",
        sudo: bool = True,
        over: Mapping[str, Path] = MappingProxyType({}),
        options: Iterable[str] = (),
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="mtatui-sshd-", dir="/tmp"))
        self.root.chmod(0o755)
        self._port = Port()
        self.port = self._port.number
        self.user = user
        self.config = self.root / "ssh_config"
        self.known_hosts = self.root / "known_hosts"
        self.aliases: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        _key(self.root / "host_key")
        _key(self.root / "key", passphrase)
        shutil.copy(self.root / "key.pub", self.root / "authorized_keys")
        (self.root / "authorized_keys").chmod(0o644)
        over = dict(over)
        lines = [*options]
        if password:
            over |= self._password(password)
            lines += ["UsePAM yes", "PasswordAuthentication yes", "KbdInteractiveAuthentication yes"]
        lines += [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.root}/host_key",
            f"AuthorizedKeysFile {self.root}/authorized_keys",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UseDNS no",
            "PrintMotd no",
            "MaxStartups 500",
            "MaxSessions 100",
            # What this machine's root has in his shell's files is no part of a test (and starting pyenv takes
            # longer than all the rest).
            f"SetEnv HOME={self.root} PATH={sys.base_prefix}/bin:{_PATH}",
        ]
        if banner:
            (self.root / "banner").write_text(banner)
            lines.append(f"Banner {self.root}/banner")
        if login or not python:
            hidden = "" if python else f"PATH={self._without_python()}; export PATH; "
            script = self.root / "login"
            script.write_text(f'#!/bin/sh\n{login}{hidden}exec sh -c "$SSH_ORIGINAL_COMMAND"\n')
            script.chmod(0o755)
            lines.append(f"ForceCommand {script}")
        self._command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.root / "sshd_config")]
        if sudoers:
            over["/etc/sudoers"] = self._file("sudoers", f"Defaults !fqdn\n{sudoers}\n", 0o440)
        if not sudo:
            over |= self._without_sudo()
        if over:
            mounts = [shlex.join(["mount", "--bind", str(ours), theirs]) for theirs, ours in over.items()]
            beginning = " && ".join([*mounts, 'exec "$@"'])
            self._command = ["unshare", "--mount", "sh", "-c", beginning, "sh", *self._command]
        (self.root / "sshd_config").write_text("\n".join(lines) + "\n")
        self.trust()

    def __enter__(self) -> Self:
        os.makedirs("/run/sshd", exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        self._port.release()

    def start(self) -> None:
        """Begin to listen."""
        log = open(self.root / "log", "ab")  # noqa: SIM115  # the child's
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as wire:
                if wire.recv(4):
                    return
            assert time.monotonic() < until, (self.root / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Listen no more, and end every session."""
        if self._process is None:
            return
        for child in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None

    def sessions(self) -> list[int]:
        """The processes of sshd that serve somebody."""
        assert self._process is not None
        return _descendants(self._process.pid)

    def host(
        self,
        name: str = "mx1",
        *,
        sudo: bool = False,
        read_only: bool = False,
        on_prompt: Callable[[Prompt], str | None] | None = None,
        **more: Any,
    ) -> SshHost:
        """mtatui's way to it; for ``more`` see `alias`."""
        self.alias(name, **more)
        return SshHost(
            name, name, sudo=sudo, read_only=read_only, ssh_config=str(self.config), on_prompt=on_prompt
        )

    def alias(self, name: str, **more: Any) -> None:
        """Have ``ssh -F config NAME`` lead here; ``more`` are ssh_config(5) options over the usual ones (a
        ``Port`` is that of a proxy: the host key stays the same)."""
        if name in self.aliases:
            return
        self.aliases.append(name)
        options: dict[str, Any] = {
            "HostName": "127.0.0.1",
            "Port": self.port,
            "User": self.user,
            "IdentityFile": self.root / "key",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "HostKeyAlias": f"[127.0.0.1]:{self.port}",
            **more,
        }
        with self.config.open("a") as file:
            file.write(f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in options.items()))

    def trust(self) -> None:
        """Have its host key known."""
        self.learn(self.root / "host_key.pub")

    def learn(self, key: Path) -> None:
        """Have this key known as its host key."""
        kind, data = key.read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {data}\n")

    def other_key(self) -> Path:
        """Another key, which is not its own."""
        path = self.root / "other_key"
        if not path.exists():
            _key(path)
        return self.root / "other_key.pub"

    def _file(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def _password(self, password: str) -> dict[str, Path]:
        """What makes it root's."""
        made = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True
        )
        shadow = f"root:{made.stdout.decode().strip()}:19000:0:99999:7:::\n"
        asked = ["auth required pam_unix.so nodelay"]
        asked += [f"{kind} required pam_permit.so" for kind in ("account", "session")]
        pam = self._file("pam", "\n".join(asked) + "\n")
        return {"/etc/shadow": self._file("shadow", shadow, 0o600), "/etc/pam.d/sshd": pam}

    def _without_sudo(self) -> dict[str, Path]:
        """What hides it: links to all else that is in its directory, which is elsewhere."""
        there, links = self.root / "usr-bin", self.root / "links"
        for folder in (there, links):
            folder.mkdir()
        for name in os.listdir("/usr/bin"):
            if name != "sudo":
                (links / name).symlink_to(there / name)
        return {str(there): Path("/usr/bin"), "/usr/bin": links}

    def _without_python(self) -> Path:
        folder = self.root / "bin"
        folder.mkdir()
        for name in ("sh", "env", "head", "cat", "postconf", "postqueue", "echo", "id"):
            if path := shutil.which(name, path="/usr/sbin:/usr/bin:/bin"):
                (folder / name).symlink_to(path)
        return folder


def _key(path: Path, passphrase: str = "") -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "mtatui test", "-f", str(path)],
        check=True,
    )


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    todo = [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
