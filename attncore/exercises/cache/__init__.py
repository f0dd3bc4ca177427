"""Lesson 12: what attention costs, and the cache of keys and values."""
