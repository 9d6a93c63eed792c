"""Starts a part of the demo as a program of its own, outside of mtatui's environment.

``python -I -S …/demo/__main__.py standin postsuper -c HOME …`` or ``… life HOME``.
"""

import os
import sys
from importlib import import_module

# -I and -S leave nothing but the standard library on the path; the package is where this file is.
sys.path.append(os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../../.."))

if __name__ == "__main__":
    sys.exit(import_module(f"mtatui.backends.demo.{sys.argv[1]}").main(sys.argv[2:]))
