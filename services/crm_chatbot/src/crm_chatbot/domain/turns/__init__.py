"""Turns: what is decided on together, and what a reply may say."""
