"""Sends WhatsApp messages in order, at a human pace, and never twice."""
