"""What ssh says when it does not get through, in words for the person: what it means, and what to do.

ssh tells its own failures by exit status 255 and a line on standard error (ssh(1), EXIT STATUS); what a login
prints instead of doing what it is asked comes on standard output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtatui.text import clean


@dataclass(frozen=True, slots=True)
class Why:
    """Why there is no connection. ``again``: it may work by itself later, so that it is worth trying."""

    words: str
    again: bool = True
    no_python: bool = False


_CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed")
_OFFENDING = re.compile(r"Offending \S+ key in (\S+)")
_FINGERPRINT = re.compile(r"\b(SHA256:[A-Za-z0-9+/=]+|MD5:[0-9a-f:]+)")

#: What ssh says, what that means, and whether it is worth trying again by itself: a refused login is not, for
#: whoever counts failures (fail2ban) would shut us out.
_SAID: tuple[tuple[str, str, bool], ...] = (
    (r"^ssh: Could not resolve hostname",
     "no such host name. Is it spelt right, in the config file or in ssh's?", True),
    (r"Connection refused$", "it refuses connections on that port. Does sshd run there?", True),
    (r"No route to host$|Network is unreachable$", "there is no way to it. Is it up, and the network?", True),
    (r"timed out|^Timeout, server", "it does not answer. Is it up, or is a firewall in between?", True),
    (r"^Host key verification failed", "its host key is not known, and was not accepted. "
     "Compare its fingerprint and say yes, or log in once with ssh.", False),
    (r"Too many authentication failures", "too many keys were offered. "
     "Name the right one in ssh's config (IdentityFile, IdentitiesOnly yes).", False),
    (r"Permission denied \(|: Permission denied$",
     "it does not let us in. Does ssh alone get in, and is the key in the agent?", False),
    (r"Bad configuration option|Bad owner or permissions|terminating, \d+ bad|Can't open user config file",
     "ssh does not take its own configuration.", False),
    (r"no matching (cipher|key exchange|host key|MAC)", "they have no way of encryption in common.", False),
    (r"^kex_exchange_identification|Connection (closed|reset) by", "it hung up while we were logging in. "
     "Too many connections at once (sshd's MaxStartups), or a ban?", True),
)  # fmt: skip
#: ssh speaks so of the far end of a ProxyJump or ProxyCommand; and what it says besides of what is broken.
_CONSEQUENCE = re.compile(
    r"^kex_exchange_identification|Connection (closed|reset) by|stdio forwarding failed"
)
_PROXIED = re.compile(r"stdio forwarding failed|UNKNOWN port 65535|via proxy|proxy command", re.IGNORECASE)
_NO_PYTHON = re.compile(rb"python3: (command )?not found|python3: No such file|: python3: not found"
                        rb"|Unknown command:? .*python3|SyntaxError|python3:.*cannot execute",
                        re.IGNORECASE)  # fmt: skip
_RESTRICTED = re.compile(
    r"restricted|only (for )?sftp|not (allowed|permitted)|shell access|This account", re.IGNORECASE
)


def why(said: bytes, printed: bytes, failed: str, status: int | None) -> Why:
    """Why no envoy has come.

    Args:
        said, printed: standard error of ssh; what came on standard output in place of the greeting.
        failed: what was waited for in vain, in words.
        status: ssh's exit status; None while it runs.
    """
    text = clean(said.decode("utf-8", "replace").replace("\r", ""), lines=True)
    if _CHANGED.search(text):
        return Why(_changed(text), again=False)
    if _NO_PYTHON.search(said) or _NO_PYTHON.search(printed) or status == 127:
        return Why("there is no Python 3.6 or newer", no_python=True)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if status == 255:
        return _failed(lines)
    noise = " ".join(printed[:2000].decode("utf-8", "replace").split())
    noise = clean(noise) if any(map(str.isalnum, noise)) else ""
    told = noise or last
    if _RESTRICTED.search(noise) or _RESTRICTED.search(text):
        return Why(
            f"its login does not run commands (a restricted shell?). It said: {told[:200]}", again=False
        )
    if told:
        return Why(f"its login did something else than what was asked ({failed}). It said: {told[:200]}")
    if printed:
        return Why(f"its login did something else than what was asked ({failed}).")
    return Why(f"{failed}." if status is None else f"its login ended without a word (exit status {status}).")


def _failed(lines: list[str]) -> Why:
    """What ssh itself failed at. Its own words come last; what is above them may be a banner."""
    if any(map(_PROXIED.search, lines)):
        causes = [line for line in lines if not _CONSEQUENCE.search(line)]
        known = _known(causes)
        cause = known[0] if known else (causes or lines)[-1]
        words = f"the way to it, through another host or a command, does not work. ssh said: {cause}"
        return Why(words, known is None or known[2])
    if known := _known(lines):
        line, words, again = known
        return Why(f"{words} ssh said: {line}", again)
    return Why(f"ssh failed: {lines[-1] if lines else 'without a word'}")


def _known(lines: list[str]) -> tuple[str, str, bool] | None:
    """The last line that says something we know, what it means, and whether it is worth trying again."""
    for line in reversed(lines):
        for pattern, words, again in _SAID:
            if re.search(pattern, line):
                return line, words, again
    return None


def _changed(text: str) -> str:
    place = _OFFENDING.search(text)
    fingerprint = _FINGERPRINT.search(text)
    where = f" ({place[1].rstrip('.')})" if place else ""
    now = f" It shows {fingerprint[1]} now." if fingerprint else ""
    return (
        f"its host key is another one than the one that is known{where}.{now} It was set up anew, or "
        "somebody stands in between: ask whoever runs it, and compare. Only then remove the old key, with "
        "ssh-keygen -R."
    )
