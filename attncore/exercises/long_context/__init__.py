"""Lesson 15: windows, sinks, the rolling cache, and a gate."""
