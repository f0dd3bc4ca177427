"""Lesson 08: positions, added, turned, or taken off the scores."""
