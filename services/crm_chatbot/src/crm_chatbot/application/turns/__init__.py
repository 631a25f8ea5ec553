"""Turns: how the bot answers, from a claimed conversation to a recorded reply."""
