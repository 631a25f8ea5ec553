"""Tests of the pretend WAHA."""
