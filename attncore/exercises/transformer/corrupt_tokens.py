"""BERT's corruption."""

import numpy as np

from attncore.exercises.drivers import corruption_counted
from attncore.exercises.exercise import code
from attncore.exercises.transformer.cases import given, text
from attncore.transformer import corrupt_tokens


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
    drive=corruption_counted,
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


@exercise.mistake("another number than -100 where there is no target")
def nan_where_there_is_no_target(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(targets == -100, np.nan, targets)


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


@exercise.mistake("one random token for all positions")
def one_random_token_for_all_places(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@exercise.mistake("the same positions in every sequence")
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


def afterwards(label, change):
    """A wrong solution that does something to the right inputs and targets."""

    @exercise.mistake(label)
    def corrupted(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
        return change(ids, *corrupt_tokens(ids, rng, rate, mask_id, vocab_size))


afterwards("floats instead of integers", lambda ids, inputs, targets: (inputs.astype(float), targets.astype(float)))
afterwards("floats instead of integers", lambda ids, inputs, targets: (inputs, targets.astype(float)))
afterwards("floats instead of integers", lambda ids, inputs, targets: (inputs.astype(float), targets))
afterwards("the targets come first", lambda ids, inputs, targets: (targets, inputs))


def settings_otherwise(label, change):
    """A wrong solution that takes other settings than those that are given."""

    @exercise.mistake(label)
    def corrupted(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
        return corrupt_tokens(ids, rng, **({"rate": rate, "mask_id": mask_id, "vocab_size": vocab_size} | change(rate)))


settings_otherwise("the given rate is not used", lambda rate: {"rate": 0.15})
settings_otherwise("the given mask_id is not used", lambda rate: {"mask_id": 103})
settings_otherwise("the given vocab_size is not used", lambda rate: {"vocab_size": 30522})
settings_otherwise("fewer tokens are chosen than the rate says", lambda rate: {"rate": 0.8 * rate})


@exercise.mistake("random ids reach vocab_size itself")
def random_ids_reach_vocab_size(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    return corrupt_tokens(ids, rng, rate, mask_id, vocab_size + 1)


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
