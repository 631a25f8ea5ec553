"""Scripted customers who try the whole platform: dialogues are data, what must come of them too."""
