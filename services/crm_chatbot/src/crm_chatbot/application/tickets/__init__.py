"""Tickets: how they are opened, seen to and counted, on boards and from templates."""
