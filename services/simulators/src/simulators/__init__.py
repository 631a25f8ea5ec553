"""Stand-ins for the outside world, speaking the real protocols over real HTTP."""
