"""Lesson 05: self-attention, and what reaches what."""
