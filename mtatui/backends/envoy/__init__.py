"""The envoy: what mtatui sends to a server that is reached over ssh, to do there what a host must do.

It is fed to the server's own Python (3.6 or newer) over the connection; nothing is installed. One envoy
starts all commands and children of a server and carries their channels over its own standard input and
output, in the frames of `wire`: a command costs one round trip. Standard library only, relative imports.
"""
