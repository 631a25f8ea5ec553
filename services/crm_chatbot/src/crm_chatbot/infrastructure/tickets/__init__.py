"""Tickets, boards and templates in PostgreSQL."""
