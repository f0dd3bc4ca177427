"""Lesson 14: softmax in one pass, partial results that merge, and attention tile by tile."""
