"""Tenants: a merchant's shop, when it is open, and what is said in its name."""
