"""A pretend WAHA (WhatsApp HTTP API) with pretend customers, over the real protocol."""
