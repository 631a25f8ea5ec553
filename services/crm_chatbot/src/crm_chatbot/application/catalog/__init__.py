"""The catalog as a shop's people keep it, by hand and by file."""
