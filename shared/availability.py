"""What may work later: no refusal, and no fault of ours either."""


class DatabaseUnavailable(Exception):
    """PostgreSQL is away, or too slow to answer; the same request may work later."""
