"""Lowers autonomy: pure functions over the circumstances, listed in one registry."""
