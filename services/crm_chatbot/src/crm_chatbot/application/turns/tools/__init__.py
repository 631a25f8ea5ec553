"""The agent's tools: all that a model can have done."""
