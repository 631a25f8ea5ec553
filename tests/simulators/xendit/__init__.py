"""The pretend Xendit."""
