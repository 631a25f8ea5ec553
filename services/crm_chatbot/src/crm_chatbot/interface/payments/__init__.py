"""Payments over HTTP: for the shop, and for what providers tell."""
