"""Rehearses a change: the server's own smtpd(8), with the staged configuration, for one client: us.

A bad value that ``postfix check`` does not find makes smtpd die, and master(8) waits a minute before it
starts it again: better that it dies here. It is started as master does (master_spawn.c, single_server.c: the
flow control pipe on 3 and 4, the status channel on 5, the socket to accept from on 6), on a port of ours, and
uses the running services of the mail system. Nobody else ever talks to it; no mail goes through it.
"""

import contextlib
import fcntl
import os
import signal
import socket

from . import master, probe
from .run import ENVIRONMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: What it is called: its lock in the queue directory bears that name.
NAME = "mtatui"
#: Seconds for the session.
PATIENCE = 8.0


def smtpd(queue: str) -> str:
    """Where the smtpd is that belongs to the master that runs; "" where none does."""
    ours = master.pid(queue)
    try:
        path = os.path.join(os.path.dirname(os.readlink("/proc/%d/exe" % ours)), "smtpd") if ours else ""
    except OSError:
        return ""
    return path if os.access(path, os.X_OK) else ""


def services(directory: str) -> "Dict[str, List[str]]":
    """The arguments of the smtpd of each listener in master.cf, by its name; without those whose arguments
    are not plain words."""
    lines: "List[str]" = []
    with open(os.path.join(directory, "master.cf"), encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if line[0] in " \t" and lines:
                lines[-1] += line
            else:
                lines.append(line)
    found: "Dict[str, List[str]]" = {}
    screens, behind = [], None  # what postscreen(8) lets through goes to the smtpd of type pass
    for line in lines:
        fields = line.split()
        if len(fields) < 8 or "{" in line:
            continue
        name, kind, program = fields[0], fields[1], fields[7]
        if kind == "inet" and program == "smtpd":
            found[name] = fields[8:]
        elif kind == "inet" and program == "postscreen":
            screens.append(name)
        elif kind == "pass" and program == "smtpd":
            behind = fields[8:]
    if behind is not None:
        found.update(dict.fromkeys(screens, behind))
    return found


def rehearse(queue: str, directory: str, one: "Dict[str, Any]") -> str:
    """What is wrong with the service of a probe under the configuration of a directory, "" where nothing is
    or it cannot be rehearsed."""
    program = smtpd(queue)
    try:
        arguments = services(directory).get(one["name"]) if program else None
    except OSError:
        arguments = None
    return "" if arguments is None else _session(queue, directory, program, arguments, one)


def _session(queue: str, directory: str, program: str, arguments: "List[str]", one: "Dict[str, Any]") -> str:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        listener.setblocking(False)
        address = listener.getsockname()
        pipes = os.pipe() + os.pipe()
        for fd in pipes:
            stack.callback(os.close, fd)
        child = os.fork()
        if child == 0:
            try:
                _become(
                    [pipes[0], pipes[1], pipes[3], listener.fileno()], queue, directory, program, arguments
                )
            finally:
                os._exit(1)
        stack.callback(_end, child, os.path.join(queue, "pid", "inet." + NAME))
        listener.close()  # when it dies, so does the connection
        try:
            probe.session(dict(one, address=address[0], port=address[1]), PATIENCE)
        except (OSError, probe.Unwell, ValueError) as error:
            return probe.said(error)
        return ""


def _become(fds: "List[int]", queue: str, directory: str, program: str, arguments: "List[str]") -> None:
    """Become an smtpd as master starts it."""
    os.setsid()
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in fds]
    null = os.open(os.devnull, os.O_RDWR)
    for number, fd in enumerate([null, null, null, *high]):
        os.dup2(fd, number)
    os.closerange(7, 1024)
    os.chdir(queue)
    environment = dict(ENVIRONMENT, MAIL_CONFIG=directory, GENERATION="0")
    # Not through `run`: it wants these very file descriptors. A shell is the last thing wanted.
    os.execve(program, ["smtpd", "-n", NAME, "-t", "inet", "-u", *arguments], environment)  # noqa: S606


def _end(child: int, lock: str) -> None:
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.unlink(lock)
