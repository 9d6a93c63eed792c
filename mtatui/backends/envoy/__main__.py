"""Starts the envoy: ``python3 -I -S -c STUB NONCE``, with this as the program (`mtatui.backends.bundle`)."""

import importlib
import sys

if __name__ == "__main__":
    importlib.import_module("backends.envoy.serve").main(sys.argv[1])
