"""Lesson 09: the Transformer's blocks, the masks of its families, and what they train on."""
