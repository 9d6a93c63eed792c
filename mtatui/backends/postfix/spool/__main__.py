"""Starts the spool reader: ``python3 -I -S …/spool/__main__.py QUEUE_DIRECTORY HASH_NAMES HASH_DEPTH``;
with ``--hands`` first, the hands that move queue files.

By its path, so that a line in sudoers can name it. It leaves no compiled files behind: it may run as root,
from a directory that belongs to somebody else.
"""

import importlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    hands = sys.argv[1:2] == ["--hands"]
    sys.exit(importlib.import_module("spool.asked" if hands else "spool.serve").main(sys.argv[1 + hands :]))
