"""WAHA's words in ours, and what was heard, in PostgreSQL."""
