"""Quick replies over HTTP."""
