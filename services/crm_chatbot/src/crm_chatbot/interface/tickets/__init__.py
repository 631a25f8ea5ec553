"""Tickets, boards and templates over HTTP."""
