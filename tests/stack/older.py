"""A Postfix of another version, as far as its commands tell: stand-ins that lie over this machine's for who
logs in through `tests.stack.sshd`, and hand on to them what the other version could do, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: postconf says that it is {version}.
_POSTCONF = """\
#!/bin/sh
said=$({real}/postconf "$@") || exit
printf '%s\\n' "$said" | sed 's/^mail_version = .*/mail_version = {version}/'
"""
#: Before 3.5 no message could be told to expire (postsuper(1), -e and -f).
_POSTSUPER = """\
#!/bin/sh
for word; do case $word in -[ef]*)
    echo "postsuper: invalid option -- '${{word#-}}'" >&2
    echo "postsuper: fatal: usage: postsuper [-c config_dir] [-d queue_id] [-h queue_id] [-H queue_id]" >&2
    exit 1
esac; done
exec {real}/postsuper "$@"
"""
#: And nothing said that it was.
_POSTQUEUE = """\
#!/bin/sh
case " $* " in *" -j "*) ;; *) exec {real}/postqueue "$@" ;; esac
{real}/postqueue "$@" | sed 's/"forced_expire": [a-z]*, //'
"""


def older(directory: Path, version: str) -> dict[str, Path]:
    """What lies over what (`Sshd`, ``over``) where Postfix is of this version, older than 3.5."""
    return _over(
        directory, version, {"postconf": _POSTCONF, "postsuper": _POSTSUPER, "postqueue": _POSTQUEUE}
    )


def called(directory: Path, version: str) -> dict[str, Path]:
    """The same where nothing but its name is other than here."""
    return _over(directory, version, {"postconf": _POSTCONF})


def _over(directory: Path, version: str, commands: dict[str, str]) -> dict[str, Path]:
    real = directory / "real"
    real.mkdir(parents=True)
    over = {}
    for name, script in commands.items():
        shutil.copy(f"/usr/sbin/{name}", real)
        path = directory / name
        path.write_text(script.format(real=real, version=version))
        path.chmod(0o755)
        over[f"/usr/sbin/{name}"] = path
    return over
