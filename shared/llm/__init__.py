"""The LLM catalogue: configs, templates, chat models, usage and budgets. Two contexts need it."""
