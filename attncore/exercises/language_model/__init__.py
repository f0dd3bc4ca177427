"""Lesson 21: a language model that writes with the learner's functions."""
