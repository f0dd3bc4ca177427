"""BERT's corruption."""

from copy import deepcopy

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.transformer.cases import given, text
from attncore.shapes import shaped
from attncore.transformer import corrupt_tokens


@shaped(
    "->(),(),(),(),(),(),(),(),(),()",
    returns="share chosen, share masked, share random, share kept, others untouched, targets right, largest random, "
    "random ids vary, texts chosen alike, follows rng",
)
def counted(answer, ids, rng, rate=None, mask_id=None, vocab_size=None):
    """Corrupt the ids with the settings that are given, and count what became of them."""
    settings = {"rate": rate, "mask_id": mask_id, "vocab_size": vocab_size}
    settings = {name: value for name, value in settings.items() if value is not None}
    original, same_draws, other_draws = ids.copy(), deepcopy(rng), np.random.default_rng(8)
    result = answer(ids, rng, **settings)
    if result is None:
        return None
    inputs, targets = arrays_of(result, ids.shape)
    few = original[..., :50]
    first, again = (arrays_of(answer(few, deepcopy(same_draws), **settings), few.shape) for _ in range(2))
    other = arrays_of(answer(few, other_draws, **settings), few.shape)
    rate = settings.get("rate", 0.15)
    chosen, masked, kept = targets != -100, inputs == settings.get("mask_id", 103), inputs == original
    random_ids = inputs[chosen & ~masked & ~kept]
    half = len(chosen) // 2
    return (
        share(chosen, rate),
        share(masked[chosen], 0.8),
        share((~masked & ~kept)[chosen], 0.1),
        share(kept[chosen], 0.1),
        share(kept[~chosen], 1.0),
        share((targets == original)[chosen], 1.0),
        float(random_ids.max(initial=0)),
        float(2 * len(np.unique(random_ids)) > min(len(random_ids), settings.get("vocab_size", 30522))),
        share(chosen[:half] & chosen[half : 2 * half], rate**2),
        float(np.array_equal(first, again) and not np.array_equal(first, other)),
    )


def arrays_of(result, shape):
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise ValueError("expected two results, (inputs, targets)")
    inputs, targets = (np.asarray(part) for part in result)
    for name, part in (("inputs", inputs), ("targets", targets)):
        if np.iscomplexobj(part):
            raise ValueError(f"{name} holds complex numbers, expected integers")
        if part.shape != shape:
            raise ValueError(f"{name} has shape {part.shape}, expected that of ids, {shape}")
    return inputs, targets


def share(these, probability):
    """How many of these there are; the probability itself where chance explains the difference.

    Six standard deviations: of all right answers, one in 500 million has a share that lies further away.
    """
    if not these.size:
        return 0.0
    found, spread = these.mean(), np.sqrt(probability * (1 - probability) / these.size)
    return probability if abs(found - probability) <= 6 * spread else float(found)


def draws():
    return np.random.default_rng(7)


exercise = code(
    corrupt_tokens,
    given("a rate of zero", ids=np.arange(2000, 2006), rng=draws, rate=0.0),
    given("a rate of zero, two texts", ids=np.arange(2000, 2008).reshape(2, 4), rng=draws, rate=0.0),
    given("ten long texts", ids=text(10, 2000), rng=draws),
    given("another rate, mask and vocabulary", ids=text(6, 1000), rng=draws, rate=0.5, mask_id=7, vocab_size=2000),
    given("a small vocabulary", ids=text(3000), rng=draws, rate=1.0, mask_id=9, vocab_size=3),
    given("a rate of one", ids=text(6000), rng=draws, rate=1.0, mask_id=3, vocab_size=5000),
    tolerance=0.15,
    drive=counted,
)


def fates(ids, rng, rate):
    ids = np.asarray(ids)
    return ids, rng.random(ids.shape) < rate, rng.random(ids.shape)


@exercise.mistake("targets everywhere")
def targets_everywhere(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, ids


@exercise.mistake("targets where nothing was chosen")
def targets_where_nothing_was_chosen(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(targets == -100, ids, -100)


@exercise.mistake("targets only at the mask")
def targets_only_at_the_mask(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(inputs == mask_id, ids, -100)


@exercise.mistake("no target where the token was kept")
def no_target_where_the_token_was_kept(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(inputs != ids, ids, -100)


@exercise.mistake("targets read after the corruption")
def targets_read_after_the_corruption(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.array(ids)
    chosen, fate = rng.random(ids.shape) < rate, rng.random(ids.shape)
    ids[chosen & (fate < 0.8)] = mask_id
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    ids[swapped] = rng.integers(vocab_size, size=swapped.sum())
    return ids, np.where(chosen, ids, -100)


@exercise.mistake("another number than -100 where there is no target")
def zero_where_there_is_no_target(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(targets == -100, 0, targets)


@exercise.mistake("always the mask")
def always_the_mask(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, _ = fates(ids, rng, rate)
    return np.where(chosen, mask_id, ids), np.where(chosen, ids, -100)


@exercise.mistake("one draw for the choice and for the fate")
def one_draw_for_the_choice_and_for_the_fate(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, draw = np.asarray(ids), rng.random(np.shape(ids))
    drawn = np.where(draw < 0.8, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where((draw < rate) & (draw < 0.9), drawn, ids), np.where(draw < rate, ids, -100)


@exercise.mistake("none of the chosen kept")
def none_of_the_chosen_kept(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen, drawn, ids), np.where(chosen, ids, -100)


@exercise.mistake("none of the chosen random")
def none_of_the_chosen_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    return np.where(chosen & (fate < 0.8), mask_id, ids), np.where(chosen, ids, -100)


@exercise.mistake("a tenth of the rest made random, not a tenth of all")
def a_tenth_of_the_rest_made_random_not_a_tenth_of_all(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, _ = fates(ids, rng, rate)
    masked = chosen & (rng.random(ids.shape) < 0.8)
    swapped = chosen & ~masked & (rng.random(ids.shape) < 0.1)
    inputs = np.where(masked, mask_id, ids)
    inputs = np.where(swapped, rng.integers(vocab_size, size=ids.shape), inputs)
    return inputs, np.where(chosen, ids, -100)


@exercise.mistake("shares of mask and random swapped")
def shares_of_mask_and_random_swapped(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.1, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@exercise.mistake("tokens that were not chosen made random")
def tokens_that_were_not_chosen_made_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    inputs = np.where(chosen & (fate < 0.8), mask_id, ids)
    swapped = (fate >= 0.8) & (fate < 0.9)
    return np.where(swapped, rng.integers(vocab_size, size=ids.shape), inputs), np.where(chosen, ids, -100)


@exercise.mistake("one random token for all places")
def one_random_token_for_all_places(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@exercise.mistake("the same places in every text")
def the_same_places_in_every_text(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.asarray(ids)
    chosen, fate = rng.random(ids.shape[-1]) < rate, rng.random(ids.shape)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@exercise.mistake("inputs left as they were")
def inputs_left_as_they_were(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    return ids, corrupt_tokens(ids, rng, rate)[1]


@exercise.mistake("own draws instead of rng")
def own_draws_instead_of_rng(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    return corrupt_tokens(ids, np.random.default_rng(0), rate, mask_id, vocab_size)


@exercise.another_way
def place_by_place(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = np.array(ids), np.full(np.shape(ids), -100)
    chosen = rng.random(inputs.shape) < rate
    targets[chosen] = inputs[chosen]
    fate = rng.choice(["mask", "random", "keep"], size=inputs.shape, p=[0.8, 0.1, 0.1])
    inputs[chosen & (fate == "mask")] = mask_id
    swapped = chosen & (fate == "random")
    inputs[swapped] = rng.integers(vocab_size, size=swapped.sum())
    return inputs, targets


@exercise.another_way
def token_after_token(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = [], []
    for token in np.ravel(ids).tolist():
        chosen, fate = rng.random() < rate, rng.random()
        targets.append(token if chosen else -100)
        if chosen and fate < 0.8:
            token = mask_id
        elif chosen and fate < 0.9:
            token = int(rng.integers(vocab_size))
        inputs.append(token)
    return np.reshape(inputs, np.shape(ids)), np.reshape(targets, np.shape(ids))
