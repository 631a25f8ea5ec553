"""Orders: what is wanted, what it costs, and the stock that is promised to it."""
