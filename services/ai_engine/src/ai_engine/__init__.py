"""Runs prompts through models and agents."""
