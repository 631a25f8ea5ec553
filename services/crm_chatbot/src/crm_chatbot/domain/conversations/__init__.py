"""Conversations: one customer's chat with a shop, and the messages in it."""
