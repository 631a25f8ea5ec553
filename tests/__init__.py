"""The tests. `services.py` finds or starts what they need; `chaos/` breaks it on purpose."""
