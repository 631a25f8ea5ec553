"""Orders over HTTP, with a shop's rules for them and what worries it."""
