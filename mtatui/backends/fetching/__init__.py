"""The program that has freshclam fetch new signatures on a mail server."""
