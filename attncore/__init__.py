"""attncore: the attention interview course. The verbs of a learner's notebook, loaded when first used."""

from typing import Any

VERBS = (
    "answer",
    "breaks",
    "card",
    "check",
    "glossary",
    "hint",
    "hunt",
    "interview",
    "join",
    "leave",
    "placement",
    "plan",
    "progress",
    "reset",
    "review",
    "submit",
    "symptoms",
    "writes",
)
__all__ = [*VERBS, "yours"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from attncore.app import cell

        return getattr(cell, name)
    raise AttributeError(f"module 'attncore' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
