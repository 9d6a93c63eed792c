"""The queue as mtatui knows it: messages, the index, the query language, selections. It touches no server."""
