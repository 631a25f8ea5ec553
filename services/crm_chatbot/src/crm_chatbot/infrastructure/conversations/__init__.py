"""Conversations in PostgreSQL: changed under locks, read without."""
