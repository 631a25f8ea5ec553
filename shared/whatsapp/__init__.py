"""WhatsApp by way of WAHA: what two services need and neither owns."""
