"""The part of mtatui that runs on the mail server itself, as a child process: it reads and moves queue files.

Standard library only, for the server's own Python, 3.6 or newer. It imports nothing else of mtatui, so that
it can be started by path, under sudo, or be fed to an interpreter on another machine.
"""
