"""Customers: who they are, and what their own plain words mean."""
