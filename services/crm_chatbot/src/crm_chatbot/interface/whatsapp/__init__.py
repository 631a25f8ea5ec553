"""WhatsApp over HTTP: what WAHA tells, and how a shop's is reached."""
