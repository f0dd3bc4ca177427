"""Lesson 04: scores, weights, and scaled dot-product attention."""
