"""What WhatsApp tells: heard now, or caught up with later, and taken once."""
