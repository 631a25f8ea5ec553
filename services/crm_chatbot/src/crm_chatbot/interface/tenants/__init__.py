"""Tenants and their keys over HTTP."""
