"""Starts the program that changes a server's settings: ``python3 -I -S …/transaction/__main__.py QUEUE``.

By its path, so that a line in sudoers can name it. It leaves no compiled files behind: it may run as root,
from a directory that belongs to somebody else.
"""

import importlib
import os
import sys

sys.dont_write_bytecode = True
# The package above ours: one of its programs knows how to ask daemons.
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

if __name__ == "__main__":
    sys.exit(importlib.import_module("backends.transaction.serve").main(sys.argv[1:]))
