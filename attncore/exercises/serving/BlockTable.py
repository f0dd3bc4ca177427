"""A table of blocks."""

import numpy as np

from attncore.exercises.drivers import paged
from attncore.exercises.exercise import Case, code
from attncore.serving import BlockTable

NO_ROOM = "Where there isn't room for all that `append` asks for, it raises MemoryError and nothing changes."
NOT_THERE = "A request that isn't there raises KeyError."
NO_TOKEN = "Where no token is appended, nothing is copied."
ALREADY = "Raises ValueError for a copy that is there already."


def used(name, n_blocks, block, *steps, promise=""):
    """A case: a pool, and what is done with it, "append a 3" and so on."""

    def make():
        return {"n_blocks": n_blocks, "block": block, "steps": [read(step) for step in steps]}

    return Case(name, make, promise)


def read(step):
    return tuple(int(word) if word.isdigit() else word for word in step.split())


def at_random(n_steps=60):
    """Many requests that come, grow, fork and go."""
    rng, steps = np.random.default_rng(18), []
    live: list = []
    for number in range(n_steps):
        word = rng.choice(["new", "append", "append", "fork", "free"]) if live else "new"
        if word == "new":
            live.append(f"r{number}")
            steps.append(f"append {live[-1]} {rng.integers(1, 9)}")
        elif word == "append":
            steps.append(f"append {rng.choice(live)} {rng.integers(1, 6)}")
        elif word == "fork":
            steps.append(f"fork {rng.choice(live)} f{number}")
            live.append(f"f{number}")
        else:
            steps.append(f"free {live.pop(rng.integers(len(live)))}")
    return steps


exercise = code(
    BlockTable,
    used("three tokens in blocks of two", 4, 2, "append a 3"),
    used("one token after another", 4, 2, "append a", "append a", "append a"),
    used("a last block that has room", 5, 4, "append a 2", "append a 5"),
    used("two requests in turn", 6, 2, "append a 2", "append b 3", "append a 2", "append b 1"),
    used("blocks that come back", 4, 2, "append a 4", "append b 2", "free a", "append c 4", "append b 1"),
    used("a later block with a lower number", 6, 2, "append a 4", "append b 2", "free a", "append b 3"),
    used("a later block with a higher number", 4, 2, "append a 2", "append b 2", "free a", "append b 4", "append c 2"),
    used("a last block full to the brim", 3, 4, "append a 4", "append a 4"),
    used("a fork that only reads", 4, 2, "append a 3", "fork a b"),
    used("a fork whose copy writes", 4, 2, "append a 3", "fork a b", "append b"),
    used("a fork whose original writes", 4, 2, "append a 3", "fork a b", "append a 2", "append b"),
    used("a fork at the end of a block", 4, 2, "append a 4", "fork a b", "append b", "append a"),
    used("a long fork writes", 9, 2, "append a 7", "fork a b", "append b 3", "append a 1"),
    used("the original goes first", 4, 2, "append a 3", "fork a b", "free a", "append b 2", "append c 2"),
    used("both go", 3, 2, "append a 3", "fork a b", "free b", "free a", "append c 6"),
    used("three that share a block", 8, 4, "append a 6", "fork a b", "fork b c", "append c", "append a", "append b 3"),
    used("many requests that come and go", 200, 4, *at_random()),
    used("no room for a new request", 2, 2, "append a 3", "append b 1", "append a 1", promise=NO_ROOM),
    used("room for a part of it alone", 3, 2, "append a 2", "append b 6", "append a 3", promise=NO_ROOM),
    used("no room for a copy", 2, 2, "append a 3", "fork a b", "append b 1", "free a", "append b 1", promise=NO_ROOM),
    used("room for the copy alone", 3, 2, "append a 3", "fork a b", "append b 4", "append b 1", promise=NO_ROOM),
    used("a request that is not there is freed", 2, 2, "append a 3", "free b", promise=NOT_THERE),
    used("a request that is not there is forked", 2, 2, "append a 3", "fork b c", promise=NOT_THERE),
    used("a refused request is asked for its slots", 2, 2, "append a 3", "append b 3", "slots b", promise=NOT_THERE),
    used("slots of a request that is not there", 2, 2, "append a 3", "slots b", promise=NOT_THERE),
    used("no token for a shared block", 4, 2, "append a 3", "fork a b", "append b 0", "append a", promise=NO_TOKEN),
    used("no token, and no room", 2, 2, "append a 3", "fork a b", "append b 0", promise=NO_TOKEN),
    used("a copy under a name that is taken", 4, 2, "append a 3", "append b 1", "fork a b", promise=ALREADY),
    drive=paged,
)


class Table:
    """A right one in other words: a number of holders for each block. What a mistake changes has a name."""

    def __init__(self, n_blocks, block):
        self.n_blocks, self.block, self.holders = n_blocks, block, [0] * n_blocks
        self.blocks, self.length = {}, {}

    @property
    def n_free(self):
        return self.holders.count(0)

    def take(self, n):
        """So many free blocks, the lowest numbers first."""
        found = [block for block, holders in enumerate(self.holders) if holders == 0][:n]
        if len(found) < n:
            raise MemoryError
        for block in found:
            self.holders[block] = 1
        return found

    def is_copied(self, request, n=1):
        return n and self.length[request] % self.block and self.holders[self.blocks[request][-1]] > 1

    def append(self, request, n=1):
        if request not in self.blocks:
            self.blocks[request], self.length[request] = [], 0
            try:
                return self.append(request, n)
            except MemoryError:
                del self.blocks[request], self.length[request]
                raise
        kept = list(self.blocks[request])
        left = kept.pop() if kept and self.is_copied(request, n) else None
        new = self.take(-(-(self.length[request] + n) // self.block) - len(kept))
        if left is not None:
            self.holders[left] -= 1
        self.blocks[request] = kept + new
        self.length[request] += n

    def fork(self, request, copy):
        if copy in self.blocks:
            raise ValueError
        self.blocks[copy], self.length[copy] = list(self.blocks[request]), self.length[request]
        for block in self.blocks[copy]:
            self.holders[block] += 1

    def free(self, request):
        for block in self.blocks.pop(request):
            self.holders[block] -= 1
        del self.length[request]

    def slots(self, request):
        return [
            self.blocks[request][i // self.block] * self.block + i % self.block for i in range(self.length[request])
        ]


@exercise.mistake("a shared block is written into")
class written_into(Table):
    def is_copied(self, request, n=1):
        return False


@exercise.mistake("the blocks are copied at the fork")
class copied_at_the_fork(Table):
    def fork(self, request, copy):
        self.append(copy, self.length[request])


@exercise.mistake("a block is freed while others still hold it")
class freed_while_shared(Table):
    def free(self, request):
        for block in self.blocks.pop(request):
            self.holders[block] = 0
        del self.length[request]


@exercise.mistake("a block is freed while others still hold it")
class not_counted_at_the_fork(Table):
    def fork(self, request, copy):
        self.blocks[copy], self.length[copy] = list(self.blocks[request]), self.length[request]

    def free(self, request):
        for block in self.blocks.pop(request):
            self.holders[block] = 0
        del self.length[request]


@exercise.mistake("freed blocks never come back")
class never_come_back(Table):
    def free(self, request):
        del self.blocks[request], self.length[request]


@exercise.mistake("the slots are sorted")
class slots_sorted(Table):
    def slots(self, request):
        return sorted(super().slots(request))


@exercise.mistake("a block for each token")
class a_block_for_each_token(Table):
    def append(self, request, n=1):
        self.blocks[request] = self.blocks.get(request, []) + self.take(n)
        self.length[request] = self.length.get(request, 0) + n

    def slots(self, request):
        return [block * self.block for block in self.blocks[request]]


@exercise.mistake("every append begins a new block")
class every_append_begins_a_block(Table):
    def append(self, request, n=1):
        new = self.take(-(-n // self.block))
        self.blocks[request] = self.blocks.get(request, []) + new
        self.length[request] = self.length.get(request, []) + [
            new[i // self.block] * self.block + i % self.block for i in range(n)
        ]

    def fork(self, request, copy):
        super().fork(request, copy)
        self.length[copy] = list(self.length[copy])

    def slots(self, request):
        return self.length[request]


@exercise.mistake("a full block is copied too")
class a_full_block_copied(Table):
    def is_copied(self, request, n=1):
        return n and self.holders[self.blocks[request][-1]] > 1


@exercise.mistake("all blocks are copied when one is written")
class all_blocks_copied(Table):
    def append(self, request, n=1):
        if n and request in self.blocks and any(self.holders[block] > 1 for block in self.blocks[request]):
            new = self.take(-(-(self.length[request] + n) // self.block))
            for block in self.blocks[request]:
                self.holders[block] -= 1
            self.blocks[request] = new
            self.length[request] += n
        else:
            super().append(request, n)


@exercise.mistake("a block that was copied still counts as held")
class still_counts_as_held(Table):
    def append(self, request, n=1):
        before = self.blocks.get(request, [])[-1:]
        super().append(request, n)
        for block in before:
            if block not in self.blocks[request]:
                self.holders[block] += 1


@exercise.mistake("the copy and the original are one list")
class one_list(Table):
    def append(self, request, n=1):
        blocks = self.blocks.get(request, [])
        super().append(request, n)
        blocks[:] = self.blocks[request]
        self.blocks[request] = blocks

    def fork(self, request, copy):
        super().fork(request, copy)
        self.blocks[copy] = self.blocks[request]


@exercise.mistake("only the new token goes to the copied block")
class old_tokens_stay(Table):
    def __init__(self, n_blocks, block):
        super().__init__(n_blocks, block)
        self.places = {}

    def append(self, request, n=1):
        old = self.places.get(request, [])
        super().append(request, n)
        self.places[request] = old + super().slots(request)[len(old) :]

    def fork(self, request, copy):
        super().fork(request, copy)
        self.places[copy] = list(self.places[request])

    def slots(self, request):
        super().slots(request)
        return self.places[request]


@exercise.mistake("the slots of whole blocks are given, the empty ones too")
class slots_of_whole_blocks(Table):
    def slots(self, request):
        return [block * self.block + i for block in self.blocks[request] for i in range(self.block)]


@exercise.mistake("the blocks are given in place of the slots")
class blocks_in_place_of_slots(Table):
    def slots(self, request):
        return self.blocks[request]


@exercise.mistake("the block's number isn't multiplied by its size")
class number_not_multiplied(Table):
    def slots(self, request):
        return [self.blocks[request][i // self.block] + i % self.block for i in range(self.length[request])]


@exercise.mistake("`n_free` counts slots, not blocks")
class slots_counted(Table):
    @property
    def n_free(self):
        return super().n_free * self.block


@exercise.mistake("what didn't fit stays half taken")
class half_taken(Table):
    def append(self, request, n=1):
        for _ in range(n):
            super().append(request)


@exercise.mistake("what didn't fit stays half taken")
class copied_before_looking(Table):
    def append(self, request, n=1):
        if request in self.blocks and self.is_copied(request, n):
            (new,) = self.take(1)
            self.holders[self.blocks[request][-1]] -= 1
            self.blocks[request][-1] = new
        super().append(request, n)


@exercise.mistake("no check for room")
class no_check_for_room(Table):
    def take(self, n):
        found = [block for block, holders in enumerate(self.holders) if holders == 0][:n]
        found += [0] * (n - len(found))
        for block in found:
            self.holders[block] += 1
        return found


@exercise.mistake("a name that is taken is overwritten")
class name_overwritten(Table):
    def fork(self, request, copy):
        self.blocks.pop(copy, None)
        super().fork(request, copy)


@exercise.mistake("a request that isn't there counts as empty")
class counts_as_empty(Table):
    def free(self, request):
        if request in self.blocks:
            super().free(request)

    def fork(self, request, copy):
        if request in self.blocks:
            super().fork(request, copy)
        else:
            self.blocks[copy], self.length[copy] = [], 0


@exercise.mistake("the last holder copies its block too")
class last_holder_copies(Table):
    def __init__(self, n_blocks, block):
        super().__init__(n_blocks, block)
        self.shared = set()

    def is_copied(self, request, n=1):
        last = self.blocks[request][-1]
        return n and self.length[request] % self.block and last in self.shared

    def fork(self, request, copy):
        super().fork(request, copy)
        self.shared |= set(self.blocks[copy])

    def take(self, n):
        found = super().take(n)
        self.shared -= set(found)
        return found


@exercise.mistake("only the copy leaves a shared block, the original writes into it")
class original_stays(Table):
    def __init__(self, n_blocks, block):
        super().__init__(n_blocks, block)
        self.copies = set()

    def is_copied(self, request, n=1):
        return request in self.copies and super().is_copied(request, n)

    def fork(self, request, copy):
        super().fork(request, copy)
        self.copies.add(copy)


@exercise.mistake("the others are given the copy, not the one that writes")
class others_move(Table):
    def append(self, request, n=1):
        before = list(self.blocks.get(request, []))
        super().append(request, n)
        for old, new in zip(before, self.blocks[request], strict=False):
            if old != new:
                self.holders[old], self.holders[new] = self.holders[new], self.holders[old]
                for other, blocks in self.blocks.items():
                    turned = {old: new, new: old}
                    self.blocks[other] = [turned.get(block, block) for block in blocks]


@exercise.mistake("slots from 0 on, as if the request were alone")
class as_if_alone(Table):
    def slots(self, request):
        return list(range(self.length[request]))


@exercise.mistake("the last free block is never given out")
class one_kept_back(Table):
    def take(self, n):
        if n and self.n_free <= n:
            raise MemoryError
        return super().take(n)


@exercise.mistake("an append of no token copies the block")
class copied_for_nothing(Table):
    def is_copied(self, request, n=1):
        return super().is_copied(request, 1)


@exercise.mistake("a request that isn't there counts as empty")
class slots_of_nobody(Table):
    def slots(self, request):
        return super().slots(request) if request in self.blocks else []


@exercise.mistake("a request that was refused is there all the same")
class refused_and_there(Table):
    def append(self, request, n=1):
        self.blocks.setdefault(request, [])
        self.length.setdefault(request, 0)
        super().append(request, n)


@exercise.another_way
class a_list_of_slots_for_each_request:
    def __init__(self, n_blocks, block):
        self.n_blocks, self.block, self.held = n_blocks, block, {}

    @property
    def n_free(self):
        return self.n_blocks - len(self.held_by(self.held))

    def held_by(self, requests):
        return {slot // self.block for request in requests for slot in self.held[request]}

    def append(self, request, n=1):
        slots, others = list(self.held.get(request, [])), self.held_by(self.held.keys() - {request})
        if n and len(slots) % self.block and slots[-1] // self.block in others:
            n += len(slots) % self.block
            slots = slots[: len(slots) // self.block * self.block]
        free = [
            block for block in range(self.n_blocks) if block not in others | self.held_by({request} & self.held.keys())
        ]
        for _ in range(n):
            if len(slots) % self.block:
                slots.append(slots[-1] + 1)
            elif free:
                slots.append(free.pop(0) * self.block)
            else:
                raise MemoryError("no block is free")
        self.held[request] = slots

    def fork(self, request, copy):
        if copy in self.held:
            raise ValueError(f"{copy} is there already")
        self.held[copy] = self.held[request]

    def free(self, request):
        del self.held[request]

    def slots(self, request):
        return self.held[request]


@exercise.another_way
class holders_in_a_list(Table):
    pass
