"""Payments: attempts at getting orders paid, and money that goes back."""
