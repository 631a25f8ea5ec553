"""The database's history, one revision after the other; only ever added to."""
