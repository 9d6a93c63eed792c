"""Which process is a service: who listens at its place, else whom its pid file names, else who has its name.

Everything comes from proc(5). What may not be seen (the open files of others, without root) is left out: then
a place at which somebody listens proves that the service runs, and its process is not known.
"""

import os
import socket
import struct
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

    Place = Dict[str, Any]

_LISTENS = "0A"  # TCP_LISTEN
_ACCEPTS = 0x10000  # __SO_ACCEPTCON
_PAGE = os.sysconf("SC_PAGE_SIZE")
_resolved = {}  # type: Dict[str, List[Tuple[int, str]]]
_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One process: ``pid``, ``parent``, ``name``, ``state`` (proc(5)), ``since`` (epoch seconds)."""

    def __init__(self, pid: int, booted: float) -> None:
        """Raises OSError where there is none any more."""
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            before, _, after = file.read().rpartition(")")
        fields = after.split()
        self.pid = pid
        self.name = before.partition("(")[2]
        self.state = fields[0]
        self.parent = int(fields[1])
        self.since = booted + int(fields[19]) / _TICKS

    def words(self) -> "List[str]":
        """Its command line; a program may have written a title over it."""
        try:
            with open("/proc/%d/cmdline" % self.pid, encoding="utf-8", errors="replace") as file:
                return [word for word in file.read().split("\0") if word]
        except OSError:
            return []

    def is_called(self, names: "Iterable[str]") -> bool:
        """Whether it, or the script that it runs, bears one of these names."""
        called = [self.name] + [os.path.basename(word.split(" ")[0]) for word in self.words()[:5]]
        return any(one == name or one.startswith(name + "-") for one in called for name in names)

    def is_contained(self) -> bool:
        """Whether it runs in a container: it has other numbers there, too (proc(5), NSpid)."""
        try:
            with open("/proc/%d/status" % self.pid, encoding="utf-8", errors="replace") as file:
                return any(line.startswith("NSpid:") and len(line.split()) > 2 for line in file)
        except OSError:
            return False

    def sockets(self) -> "Set[int]":
        """The inodes of its sockets, as far as they may be seen."""
        found = set()
        try:
            for fd in os.listdir("/proc/%d/fd" % self.pid):
                try:
                    target = os.readlink("/proc/%d/fd/%s" % (self.pid, fd))
                except OSError:
                    continue
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
        except OSError:
            pass
        return found

    def memory(self) -> int:
        """Bytes that it takes: its share of what it has together with others, where that may be known."""
        try:
            with open("/proc/%d/smaps_rollup" % self.pid) as file:
                for line in file:
                    if line.startswith("Pss:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass
        try:
            with open("/proc/%d/statm" % self.pid) as file:
                _, resident, shared = file.read().split()[:3]
            return (int(resident) - int(shared)) * _PAGE
        except (OSError, ValueError):
            return 0

    def unit(self) -> str:
        """The unit of systemd in which it runs; "" for none."""
        try:
            with open("/proc/%d/cgroup" % self.pid) as file:
                for line in file:
                    last = line.strip().rpartition("/")[2]
                    if last.endswith(".service") and not last.startswith("user@"):
                        return last
        except OSError:
            pass
        return ""


class Table:
    """All processes, and who listens where, at one moment."""

    def __init__(self) -> None:
        booted = _booted()
        self.processes = {}  # type: Dict[int, Process]
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    process = Process(int(entry), booted)
                except (OSError, IndexError, ValueError):
                    continue
                if process.state not in ("Z", "X"):
                    self.processes[process.pid] = process
        self._listening = _listening()
        self._all = {inode for _, inode in self._listening}
        self._open = {}  # type: Dict[int, Set[int]]

    def find(self, service: "Dict[str, Any]", memory: bool) -> "Optional[Dict[str, Any]]":
        """The process of a service; None for none."""
        inodes = {
            inode
            for place in service["places"]
            for where, inode in self._listening
            if _listens_at(where, place)
        }
        pids = {pid for pid in self.processes if inodes and self._sockets(pid) & inodes}
        if not pids:
            pids = self._by_file(service) or self._by_name(service)
        if not pids:
            # Somebody listens, and this user may not know who.
            return _unknown() if inodes else None
        main = min(
            (pid for pid in pids if self.processes[pid].parent not in pids),
            key=lambda pid: self.processes[pid].since,
        )
        process = self.processes[main]
        return {
            "pid": main,
            "since": process.since,
            "state": process.state,
            "unit": process.unit(),
            "memory": sum(self.processes[pid].memory() for pid in pids | self._below(main)) if memory else 0,
        }

    def _sockets(self, pid: int) -> "Set[int]":
        if pid not in self._open:
            self._open[pid] = self.processes[pid].sockets()
        return self._open[pid]

    def _below(self, pid: int) -> "Set[int]":
        found = {pid}
        while True:
            more = {p.pid for p in self.processes.values() if p.parent in found} - found
            if not more:
                return found
            found |= more

    def _by_file(self, service: "Dict[str, Any]") -> "Set[int]":
        for path in service["pid_files"]:
            try:
                with open(path) as file:
                    pid = int(file.read(64).split()[0])
            except (OSError, ValueError, IndexError):
                continue
            process = self.processes.get(pid)
            if process is not None and (not service["names"] or process.is_called(service["names"])):
                return {pid}
        return set()

    def _by_name(self, service: "Dict[str, Any]") -> "Set[int]":
        """Those that bear its name, with its configuration, and do not listen anywhere else. What bears it in
        a container belongs to that."""
        found = set()
        for process in self.processes.values():
            if service["names"] and process.is_called(service["names"]) and not process.is_contained():
                own = _named(process.words(), service["flags"])
                mine = service["config"] in own if own else service["standard"]
                if mine and not (service["places"] and self._sockets(process.pid) & self._all):
                    found.add(process.pid)
        return found


def is_here(place: "Place") -> bool:
    """Whether a place is on this machine."""
    if "paths" in place:
        return True
    return any(_is_mine(family, address) for family, address in _addresses(place["host"]))


def _is_mine(family: int, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
        return True
    except OSError:
        return False


def resolve(hosts: "Iterable[str]", patience: float) -> None:
    """Find out, side by side, the addresses of hosts; one whose resolver hangs has none."""

    def find(host: str) -> None:
        try:
            found = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
            _resolved[host] = [(info[0], str(info[4][0])) for info in found]
        except (OSError, UnicodeError):
            pass

    threads = [threading.Thread(target=find, args=(host,), daemon=True) for host in hosts]
    until = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _addresses(host: str) -> "List[Tuple[int, str]]":
    return _resolved.get(host, [])


def _listens_at(where: "Any", place: "Place") -> bool:
    if "paths" in place:
        return isinstance(where, str) and where in {
            *place["paths"],
            *(os.path.realpath(path) for path in place["paths"]),
        }
    if isinstance(where, str) or where[1] != place["port"]:
        return False
    addresses = {address for _, address in _addresses(place["host"])}
    return where[0] in addresses or (
        where[0] in ("0.0.0.0", "::") and is_here(place)  # noqa: S104  # what others listen at
    )


def _listening() -> "List[Tuple[Any, int]]":
    """Where somebody listens, and the inode of that socket: a path, or an address and a port."""
    found = []  # type: List[Tuple[Any, int]]
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for fields in _lines("/proc/net/" + name):
            if len(fields) > 9 and fields[3] == _LISTENS:
                address, _, port = fields[1].partition(":")
                found.append(((_address(family, address), int(port, 16)), int(fields[9])))
    for fields in _lines("/proc/net/unix"):
        if len(fields) > 7 and int(fields[3], 16) & _ACCEPTS:
            found.append((" ".join(fields[7:]), int(fields[6])))
    return found


def _address(family: int, digits: str) -> str:
    """An address as the kernel prints it: words of four bytes, in its own order."""
    raw = bytes.fromhex(digits)
    words = struct.unpack("=%dI" % (len(raw) // 4), raw)
    return socket.inet_ntop(family, struct.pack(">%dI" % len(words), *words))


def _lines(path: str) -> "List[List[str]]":
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line.split() for line in file.read().split("\n")[1:]]
    except OSError:
        return []


def _named(words: "List[str]", flags: "Iterable[str]") -> "List[str]":
    """The configurations that a command line names."""
    found = []
    for at, word in enumerate(words):
        for flag in flags:
            if word == flag and at + 1 < len(words):
                found.append(words[at + 1])
            elif flag.startswith("--") and word.startswith(flag + "="):
                found.append(word[len(flag) + 1 :])
    return found


def _unknown() -> "Dict[str, Any]":
    return {"pid": 0, "since": 0.0, "state": "", "unit": "", "memory": 0}


def _booted() -> float:
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith("btime "):
                return float(line.split()[1])
    return 0.0
