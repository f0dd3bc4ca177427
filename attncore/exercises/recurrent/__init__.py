"""Lesson 16: linear attention in two forms, a state that fades, one that overwrites, and chunks."""
