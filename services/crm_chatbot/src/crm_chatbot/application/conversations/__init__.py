"""Conversations: who answers, what goes out, and what people see of it."""
