"""Labels over HTTP."""
