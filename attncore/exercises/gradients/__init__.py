"""Lesson 11: backward by hand, through softmax and through attention, and measured."""
