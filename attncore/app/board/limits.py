"""How often somebody may ask: so many at once, and so many a second after that."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000  # keys that are remembered; the one that asked longest ago is forgotten first


class Limit:
    """A bucket of tokens for each key, which fills again at a steady rate."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic):
        self.burst, self.per_second, self.clock = burst, per_second, clock
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, key: str) -> bool:
        """May this key ask once more, now?"""
        now = self.clock()
        left, since = self.buckets.pop(key, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        self.buckets[key] = (max(0.0, left - 1), now) if left >= 1 else (left, now)
        if len(self.buckets) > MOST:
            self.buckets.popitem(last=False)
        return left >= 1
