"""The whole platform in one process, and the ai-platform command line."""
