"""The program that changes files on a mail server, and takes it back when all is not well after it."""
