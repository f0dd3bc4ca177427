"""Lesson 00: the warm-up, and the diagnostic that says where to begin."""
