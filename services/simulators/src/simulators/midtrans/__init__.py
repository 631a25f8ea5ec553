"""Midtrans as a shop sees it: Snap, its pay page, the status API, signed notifications."""
