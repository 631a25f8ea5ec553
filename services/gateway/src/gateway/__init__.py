"""Accepts jobs over HTTP and keeps the promise that each one ends."""
