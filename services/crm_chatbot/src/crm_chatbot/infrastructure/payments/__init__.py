"""Payments: their providers over HTTP, and what PostgreSQL keeps."""
