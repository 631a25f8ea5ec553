"""Orders in PostgreSQL, the stock reserved for them, and a shop's rules."""
