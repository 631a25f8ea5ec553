"""Payments: asked for, looked after, applied, and sent back."""
