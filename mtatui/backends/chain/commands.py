"""The one door through which the probe's program on the server starts commands: short ones, within a time."""

import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence, Tuple

ENVIRONMENT = {
    "LC_ALL": "C",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
}
#: Seconds that a command may take.
PATIENCE = 10.0


def run(argv: "Sequence[str]") -> "Tuple[Optional[int], bytes, bytes]":
    """Its exit status, output and errors; None for a command that is not there or does not end."""
    try:
        ran = subprocess.run(
            list(argv), check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=ENVIRONMENT, cwd="/", timeout=PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, b"", str(error).encode("utf-8", "replace")
    return ran.returncode, ran.stdout, ran.stderr
