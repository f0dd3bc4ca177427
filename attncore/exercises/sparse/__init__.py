"""Lesson 17: attention that reads only some of the keys."""
