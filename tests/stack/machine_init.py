"""The first process of a private machine: makes its world, reaps, logs, ends with its starter.

``machine_init.py KEEP…``, run in new mount, network, process and host name namespaces (unshare(1)). It tells
its process id on standard output and then, when the world is made, ``ready``. It is the machine's syslogd:
mail goes to /var/log/mail.log, the rest to /var/log/syslog. When its standard input ends, it ends, and with
it (pid_namespaces(7)) every process of the machine, and all that they wrote.

KEEP are directories that must be seen even where they lie below one that becomes private.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

#: mount(2)
BIND, REC, PRIVATE = 4096, 16384, 1 << 18
#: netdevice(7)
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8916, 0x891C, 1

HOSTNAME = "mail.example.test"
#: The machine's address on its outer network, on which everybody else's addresses are, too.
ADDRESS, NETMASK = "192.0.2.1", "255.255.255.0"

#: Directories that are the machine's own: with what the real one has in them, and empty.
COPIED = ("/etc", "/var/lib/amavis")
EMPTY = (
    "/run",
    "/tmp",
    "/var/log",
    "/var/spool/postfix",
    "/var/lib/postfix",
    "/var/lib/clamav",
    "/var/lib/spamassassin",
)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "pts")
#: What packages and init scripts expect below /run and /var/log: path, owner, mode.
DIRECTORIES = (
    ("/run/lock", "root", 0o1777),
    ("/run/amavis", "amavis", 0o755),
    ("/run/clamav", "clamav", 0o755),
    ("/run/opendkim", "opendkim", 0o755),
    ("/var/log/clamav", "clamav", 0o755),
)

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    texts = [text.encode() or None for text in (source, target, kind)]
    if _libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def bind(fd: int, target: str) -> None:
    """Have what is open here be seen at a path, with all that is mounted below it."""
    mount(f"/proc/self/fd/{fd}", target, flags=BIND | REC)


def cover(path: str, *, copy: bool) -> None:
    """Lay a directory of the machine's own, of the same owner and mode, over one of the real one's."""
    os.makedirs(path, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    old = os.fstat(fd)
    mount("tmpfs", path, "tmpfs", options=f"mode={old.st_mode & 0o7777:o},uid={old.st_uid},gid={old.st_gid}")
    if copy:
        subprocess.run(["cp", "-a", f"/proc/self/fd/{fd}/.", path], pass_fds=[fd], check=True)
    os.close(fd)


def make_world(keep: list[str]) -> None:
    """Mount what is the machine's own."""
    mount("", "/", flags=REC | PRIVATE)
    kept = {path: os.open(path, os.O_PATH) for path in keep}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES if os.path.exists(f"/dev/{name}")}
    for path in COPIED:
        cover(path, copy=True)
    for path in EMPTY:
        cover(path, copy=False)
    for path, fd in kept.items():
        if not os.path.exists(path):
            os.makedirs(path)
            bind(fd, path)
    cover("/dev", copy=False)
    for name, fd in devices.items():
        device = Path("/dev", name)
        if name == "pts":
            device.mkdir()
        else:
            device.touch()
        bind(fd, str(device))
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("shm", "/tmp")):
        os.symlink(target, f"/dev/{name}")
    for name, owner, mode in DIRECTORIES:
        os.makedirs(name)
        os.chmod(name, mode)
        with contextlib.suppress(LookupError):  # a program that is not installed
            shutil.chown(name, owner, owner)
    for fd in (*kept.values(), *devices.values()):
        os.close(fd)
    mount("proc", "/proc", "proc")


def make_network() -> None:
    """Bring the loopback interface up, with an outer network on it, too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
        for request, text in ((SIOCSIFADDR, ADDRESS), (SIOCSIFNETMASK, NETMASK)):
            address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", b"lo:1", address))
    socket.sethostname(HOSTNAME)


def write(line: bytes) -> None:
    """Write one line of a program into the log where it belongs, as rsyslogd would."""
    found = re.match(rb"<(\d+)>(\w{3} [ \d]\d [\d:]{8} )?", line)
    if found is None:
        return
    text = line[found.end() :].rstrip(b"\n\0").replace(b"\n", b"#012")
    stamp = found[2] or time.strftime("%b %e %T ").encode()
    mail = int(found[1]) >> 3 == 2
    with open("/var/log/mail.log" if mail else "/var/log/syslog", "ab") as file:
        file.write(stamp + b"mail " + text + b"\n")


def main() -> None:
    """Be the first process."""
    print(os.readlink("/proc/self"), flush=True)
    make_network()
    make_world(sys.argv[1:])
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, reap)
    while True:
        ready, _, _ = select.select([log.fileno(), 0], [], [])
        if 0 in ready:
            return
        write(log.recv(65536))


def reap(*_: object) -> None:
    """Take notice of every child that has ended: daemons that wait for one to vanish count on it."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
