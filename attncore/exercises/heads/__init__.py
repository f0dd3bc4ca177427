"""Lesson 07: multi-head attention, split and merged."""
