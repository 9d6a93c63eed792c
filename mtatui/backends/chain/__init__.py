"""The program that sends a probe's messages on a mail server and follows them in its logs to their end."""
