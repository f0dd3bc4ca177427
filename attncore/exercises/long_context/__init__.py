"""Lesson 15: windows, sinks, the rolling cache, and linear attention in two forms."""
