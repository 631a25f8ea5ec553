"""The shared kernel: what every service stands on, and nothing that only one of them needs."""
