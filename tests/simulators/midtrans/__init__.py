"""The pretend Midtrans."""
