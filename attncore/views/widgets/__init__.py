"""The interactive pictures, a module a lesson: controls, then mathematics, then a drawing."""

SENTENCE = "the cat sat on the mat"
