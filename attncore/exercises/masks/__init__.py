"""Lesson 06: masks, and the leaks that they prevent."""
