"""Answers customers on WhatsApp for many shops, and lets people take over."""
