"""The program that looks on a mail server which services run and answer, and how old signatures are."""
