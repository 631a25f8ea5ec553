"""What may work later: no refusal, and no fault of ours either."""


class DatabaseUnavailable(Exception):
    """PostgreSQL is away, or too slow to answer; the same request may work later."""


class GaveWay(DatabaseUnavailable):
    """The transaction was given up so that another could go on (a deadlock): try it again now."""
