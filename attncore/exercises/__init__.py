"""What the course asks: every exercise, in the order of the lessons."""

from difflib import get_close_matches
from importlib import import_module

from attncore.exercises.exercise import KINDS, Case, Exercise, Lesson

LESSONS = (
    "00_start",
    "01_weighted_sum",
    "02_softmax",
    "03_alignment",
    "04_dot_product",
    "05_self_attention",
    "06_masks",
    "07_heads",
    "08_positions",
    "09_transformer",
    "10_vision",
    "11_gradients",
    "12_cache",
    "13_shared_heads",
    "14_flash",
    "15_long_context",
    "19_interpret",
    "20_real_model",
)

lessons: dict[str, Lesson] = {name: import_module(f"attncore.exercises.{name[3:]}").lesson for name in LESSONS}
exercises: tuple[Exercise, ...] = tuple(exercise for lesson in lessons.values() for exercise in lesson)
_by_id = {exercise.id: exercise for exercise in exercises}


class UnknownExercise(LookupError):
    """No exercise has that name; the message says which may have been meant."""


def find(id: str) -> Exercise:
    """The exercise of that id. Raises UnknownExercise, with the nearest name."""
    if id in _by_id:
        return _by_id[id]
    near = get_close_matches(str(id), _by_id, n=1, cutoff=0.5)
    meant = f' Did you mean "{near[0]}"?' if near else ""
    raise UnknownExercise(f'There is no exercise "{id}".{meant}')


__all__ = ["KINDS", "LESSONS", "Case", "Exercise", "Lesson", "UnknownExercise", "exercises", "find", "lessons"]
