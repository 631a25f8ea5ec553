"""Rules that act by themselves, over HTTP."""
