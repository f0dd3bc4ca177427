"""Lesson 01: weighted sums, hard and soft lookup, kernel regression."""
