"""Lesson 20: a sentence as one vector, and what lies near it."""
