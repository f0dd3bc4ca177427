"""What an experiment is said to show holds for other seeds too, with room to spare."""

import numpy as np
import pytest

from attncore.experiments.alignment import alignment_experiment
from attncore.experiments.dot_product import induction_scale_experiment, scale_experiment
from attncore.experiments.gradients import block_experiment
from attncore.experiments.heads import heads_experiment
from attncore.experiments.masks import mask_experiment
from attncore.experiments.positions import lagged, latest, positions_experiment
from attncore.experiments.self_attention import PAIRS, projections_experiment
from attncore.experiments.shared_heads import pooling_experiment
from attncore.experiments.sparse import needle_experiment
from attncore.experiments.transformer import cosine_experiment, stack_experiment
from attncore.experiments.vision import vision_experiment
from attncore.experiments.weighted_sum import width_experiment

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.parametrize("seed", [0, 1, 2])]


def end(losses):
    """The mean of the last ten losses, by name."""
    return {name: np.mean(path[-10:]) for name, path in losses.items()}


def test_the_width_is_found_from_either_side_and_shrinks_where_nothing_is_held_out(seed):
    runs = width_experiment(seed=seed)
    narrow, best, wide = runs.errors.values()
    assert best < 0.6 * narrow < wide
    from_below, from_above, on_its_own = (path[-1] for path in runs.widths.values())
    assert from_below == pytest.approx(from_above, rel=0.1)
    assert on_its_own < from_above / 10


def test_both_scores_align_and_one_vector_forgets_with_length(seed):
    runs = alignment_experiment(seed=seed)
    assert min(runs.accuracies["additive"] + runs.accuracies["dot"]) > 0.95
    short, middle, long = runs.accuracies["one vector"]
    assert 0.8 > short > middle + 0.05 > long + 0.05
    for name in ("additive", "dot"):
        assert np.mean(np.diagonal(np.fliplr(runs.alignments[name]))) > 0.7


def test_without_the_scale_wide_attention_learns_later_unless_it_starts_small(seed):
    losses, small = ({d: end(pair) for d, pair in scale_experiment(seed=seed, start=s).items()} for s in (1.0, 0.25))
    assert losses[8]["not scaled"] < 1.5 * losses[8]["scaled"]
    for d in (64, 256):
        assert losses[d]["not scaled"] > 3 * losses[d]["scaled"]
        assert small[d]["not scaled"] < 0.5 * losses[d]["not scaled"]


def test_without_the_scale_the_toy_gets_nowhere_unless_it_starts_small(seed):
    ended = end(induction_scale_experiment(seed=seed))
    assert ended["scaled"] < 0.7 < 1.5 < ended["not scaled"]
    assert end(induction_scale_experiment(start=0.4, seed=seed))["not scaled"] < 0.9


def test_two_projections_find_the_partner_and_one_for_both_finds_itself_as_well(seed):
    runs = projections_experiment(seed=seed)
    partner = [runs.words.index(PAIRS[PAIRS.index(word) ^ 1]) for word in runs.words]
    tokens = np.arange(8)
    first, _, last = runs.maps["two projections"].values()
    assert np.mean(first[tokens, partner]) < 0.4 < 0.6 < np.mean(last[tokens, partner])
    *_, shared = runs.maps["one for both"].values()
    assert np.mean(shared[tokens, partner]) < 0.55
    ended = end(runs.losses)
    assert ended["one for both"] > 3 * ended["two projections"]


def test_a_leak_foretells_what_nobody_knows_and_cannot_write(seed):
    runs = mask_experiment(seed=seed)
    assert runs.losses["one too far"][50] < 0.5 * runs.losses["causal"][50]
    ended = end(runs.losses)
    assert ended["causal"] < 0.7 * ended["one too far"]  # the last position of a text has nothing to copy from
    assert runs.foretold["one too far"] > 0.9 > 0.3 > runs.foretold["causal"]
    assert runs.written["causal"] > 0.7 > 0.5 > runs.written["one too far"]


def test_two_things_need_two_heads_and_four_add_nothing(seed):
    ended = end(heads_experiment(seed=seed))
    assert ended["1 head"] > 0.15 > 0.06 > max(ended["2 heads"], ended["4 heads"])


def test_three_places_before(seed):
    runs = positions_experiment(lagged, seed=seed)
    assert max(runs.accuracies["none"][0], runs.accuracies["linear bias"][0]) < 0.5
    assert min(runs.accuracies["sinusoidal"][0], runs.accuracies["rotary"][0]) > 0.9
    assert runs.accuracies["rotary"][1] > 0.8 > runs.accuracies["sinusoidal"][1]


def test_the_latest_of_a_kind(seed):
    runs = positions_experiment(latest, seed=seed)
    assert runs.accuracies["none"][0] < 0.87 < min(runs.accuracies[name][0] for name in ("rotary", "linear bias"))
    assert runs.accuracies["linear bias"][-1] > 0.85 > 0.7 > runs.accuracies["sinusoidal"][-1]


def test_tokens_grow_alike_and_least_so_with_the_norm_before_the_part(seed):
    pre, post, bare = (path[:, 1] for path in cosine_experiment(seed=seed).values())
    assert pre[12] < 0.8 < 0.95 < post[12]
    assert bare[2] > 0.9


def test_twelve_blocks_learn_with_the_norm_before_the_part_and_not_behind_it_without_warm_up(seed):
    ended = end(stack_experiment(seed=seed).losses)
    assert ended["pre-norm"] < 0.5 < 1.9 < ended["post-norm"]


def test_a_convolution_needs_fewer_images_and_knows_a_shape_where_it_never_saw_one(seed):
    runs = vision_experiment(seed=seed)
    (few, many), (few_convolved, many_convolved) = runs.accuracies.values()
    assert few < 0.45 < 0.7 < few_convolved
    assert many - few > 0.2 > many_convolved - few_convolved > 0
    (seen, beside), (seen_convolved, beside_convolved) = runs.moved.values()
    assert seen > 0.65 > 0.35 > beside
    assert seen_convolved > 0.9 > 0.55 < beside_convolved


def test_a_forgetful_backward_trains_too_and_worse(seed):
    losses = block_experiment(seed=seed)
    ended = end(losses)
    assert ended["right"] < 0.6 * ended["forgetful"] < 0.2 * losses["forgetful"][0]


def test_pooled_heads_cost_more_the_fewer_they_are_and_less_than_random_ones(seed):
    losses = pooling_experiment(seed=seed)
    whole, half, single = losses["pooled"]
    assert 2 * whole < half < single - 1
    assert losses["first head kept"][0] == whole < 2 < min(losses["drawn at random"])
    assert half < losses["drawn at random"][1]


def test_an_indexer_that_was_warmed_up_finds_what_the_mean_of_a_block_hides(seed):
    runs = needle_experiment(seed=seed)
    scattered, by_topic = runs.found["scattered"], runs.found["by topic"]
    for found in (scattered, by_topic):
        assert max(found["the last ones"], found["indexer, as drawn"]) < 0.2
        assert found["indexer, warmed up"] > 0.88
    assert scattered["blocks by their mean"] < 0.6 < 0.95 < by_topic["blocks by their mean"]
    assert np.mean(runs.losses[-10:]) < 0.4 * runs.losses[0]
