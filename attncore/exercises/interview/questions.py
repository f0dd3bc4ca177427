"""No numbers of its own: a round draws them from the whole course. The cards here are the questions of design."""

from attncore.exercises.exercise import Exercise

questions: list[Exercise] = []
