"""Lesson 02: softmax, its logarithm, its mask, its temperature."""
