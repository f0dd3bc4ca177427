"""Lesson 10: images as sequences of patches."""
