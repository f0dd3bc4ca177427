"""Lesson 18: many requests on one machine."""
