"""The server that can be played with: its queue, its life, and stand-ins for a mail server's commands."""
