"""Lesson 03: scores of a decoder's state against a memory, the window, and the context."""
