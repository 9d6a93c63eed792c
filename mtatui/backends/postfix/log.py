"""Finds what the mail log of a server says about one message: ``grep`` over the log files, or the journal.

Lines come back as they stand in the log, raw; `mtatui.queue.log` reads them. Rotated files that are
compressed are not searched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mtatui.backends.host import Host, HostError, Missing, NotPermitted
from mtatui.queue.log import family, parse

#: Where distributions write mail, the older half first, so that lines come in order.
FILES = ("/var/log/mail.log.1", "/var/log/mail.log", "/var/log/maillog.1", "/var/log/maillog")
#: Lines per file and bytes in all that are read about one message.
LINES = 5000
LIMIT = 4 * 1024 * 1024
#: Seconds a search may take: logs of busy servers are large.
PATIENCE = 30.0
#: How often a search is repeated for the IDs that the last one brought up.
_HOPS = 3
_FAMILY = 20


async def lines(host: Host, id: str, maillog_file: str = "") -> list[str]:
    """Every line about a message, also under the queue IDs it had before a requeue or got after one.

    Args:
        maillog_file: the parameter of that name (postconf(5)): "" where Postfix logs through syslog.

    Raises:
        HostError: no log can be read; the words say what was tried.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{5,}", id):
        raise HostError(f"{id!r} is no queue ID.")
    ids = {id}
    for _ in range(_HOPS):
        found = await _search(host, sorted(ids), maillog_file)
        grown = family([event for line in found if (event := parse(line))], id)
        if grown <= ids or len(grown) > _FAMILY:
            break
        ids |= grown
    return found


async def warnings(host: Host, maillog_file: str = "") -> list[str]:
    """The lines in which smtpd tells whom a check on trial would have refused; at most `LINES` a file.

    Raises:
        HostError: no log can be read; the words say what was tried.
    """
    return await _search(host, ["reject_warning"], maillog_file)


async def _search(host: Host, ids: Sequence[str], maillog_file: str) -> list[str]:
    to_file = maillog_file if maillog_file.startswith("/") and maillog_file != "/dev/stdout" else ""
    files = (f"{to_file}.1", to_file) if to_file else FILES
    patterns = [word for id in ids for word in ("-e", id)]
    argv = ["grep", "-a", "-h", "-F", "-w", "-m", str(LINES), *patterns, "--", *files]
    try:
        ran = await host.run(argv, timeout=PATIENCE, limit=LIMIT, note="the mail log")
    except Missing:
        ran = None
    troubles = [line for line in ran.errors.splitlines() if line.startswith("grep: ")] if ran else []
    if ran is not None and len(troubles) < len(files):
        return _split(ran.stdout)
    denied = [name for name in files if any(name + ":" in t and "ermission denied" in t for t in troubles)]
    if not to_file and host.can("journalctl"):
        found = await _journal(host, ids)
        if found is not None:
            return found
    if denied:
        raise NotPermitted(
            f"The mail log {denied[-1]} may not be read by this user on {host.name}. "
            "Members of its group (often adm) may: ls -l shows which."
        )
    raise Missing(
        f"No mail log on {host.name}: looked for {', '.join(n for n in files if not n.endswith('.1'))}"
        + ("" if to_file else " and the journal")
        + ". Does syslog write mail elsewhere? Setting maillog_file lets Postfix write its own."
    )


async def _journal(host: Host, ids: Sequence[str]) -> list[str] | None:
    """The lines of the journal, None where there is none that this user may read (journalctl(1))."""
    journalctl = ["journalctl", "--quiet", "--no-pager", "--output=short-iso", "--facility=mail"]
    grep = ["--case-sensitive=yes", f"--lines={LINES}", f"--grep=\\b({'|'.join(ids)})\\b"]
    ran = await host.run([*journalctl, *grep], timeout=PATIENCE, limit=LIMIT, note="the journal")
    if ran.stdout:
        return _split(ran.stdout)
    any_mail = await host.run([*journalctl, "--lines=1"], timeout=PATIENCE, limit=LIMIT)
    return [] if any_mail.stdout else None


def _split(output: bytes) -> list[str]:
    return [line for line in output.decode("utf-8", "replace").split("\n") if line]
