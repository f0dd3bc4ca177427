"""Lesson 99: questions of design for the mock interview, which draws all others from the other lessons."""
