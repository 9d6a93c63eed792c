"""The program that has one queued message judged on a mail server, by clamd and by SpamAssassin."""
