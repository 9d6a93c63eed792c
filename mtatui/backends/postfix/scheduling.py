"""Has Postfix try many messages now: one queue ID a line comes in, one line of JSON goes out for each.

Started by its path on the server (``python3 -I -S …/scheduling.py COMMAND …``) with the command that is run
for each ID, its last word: postqueue(1) ``-i`` takes one, and over a long line each would take its time. What
goes out goes to standard error, which is heard line by line: ``[id, status, words]``. Standard library only,
Python 3.6.
"""

import json
import subprocess
import sys
import threading

#: Commands at a time.
SIDE_BY_SIDE = 4
#: Seconds that one may take.
PATIENCE = 30.0
#: The exit status where there is no such command, as sh(1) has it.
NOT_THERE = 127


class Scheduling:
    """All of them, a few at a time."""

    def __init__(self, command: "list[str]") -> None:
        self._command = command
        self._reading = threading.Lock()
        self._telling = threading.Lock()
        self.status = 0

    def work(self) -> None:
        """One after the other, until standard input ends or there is no such command."""
        while not self.status:
            with self._reading:
                line = sys.stdin.buffer.readline()
            if not line:
                return
            self._try(line.decode("ascii").strip())

    def _try(self, id: str) -> None:
        try:
            done = subprocess.run(
                [*self._command, id],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                check=False,
            )
            self._tell(id, done.returncode, done.stderr.decode("utf-8", "replace"))
        except subprocess.TimeoutExpired:
            self._tell(id, -1, f"it did not end within {PATIENCE:g} seconds")
        except OSError:
            self.status = NOT_THERE

    def _tell(self, id: str, status: int, words: str) -> None:
        with self._telling:
            sys.stderr.write(json.dumps([id, status, words]) + "\n")
            sys.stderr.flush()


def main(command: "list[str]") -> int:
    """Run the command for each; the exit status."""
    scheduling = Scheduling(command)
    threads = [threading.Thread(target=scheduling.work) for _ in range(SIDE_BY_SIDE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return scheduling.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
