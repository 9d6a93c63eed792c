"""Starts the program that has new signatures fetched: ``python3 -I -S …/fetching/__main__.py``.

By its path, so that a line in sudoers can name it. It leaves no compiled files behind: it may run as root,
from a directory that belongs to somebody else. See `mtatui.backends.fetching.serve`.
"""

import importlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    importlib.import_module("fetching.serve").main()
