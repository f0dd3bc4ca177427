"""Bug hunts: a file as a colleague writes it, with bugs planted in it, and the judge of repairs and of tests.

`make(seed)` returns a Hunt. Loaded when first used: the judge's child needs no more than one kind of file.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attncore.hunts.hunt import Hunt, HuntReport, make

__all__ = ["Hunt", "HuntReport", "make"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from attncore.hunts import hunt

        return getattr(hunt, name)
    raise AttributeError(f"module 'attncore.hunts' has no attribute '{name}'")
