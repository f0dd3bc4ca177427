"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary
from attncore.flash import peak_floats

ARITHMETIC, BUS = 312e12, 2.0e12  # FLOP/s and bytes a second of an A100 with 80 GB


def peak_ratio(tokens, width, block):
    return peak_floats(tokens, width) / peak_floats(tokens, width, block)


def ratio_of_scores(tokens, width, block):
    return (tokens / block) ** 2


def ratio_without_output(tokens, width, block):
    return (tokens * tokens + 2 * tokens) / (block**2 + 2 * tokens)


def scores_again(tokens, heads, width):
    return 1000 * 2 * tokens**2 * width * heads / ARITHMETIC


def scores_stored(tokens, heads, width):
    return 1000 * 2 * heads * tokens**2 * 2 / BUS


def whole_total(kept, chunk):
    """The total relative to the chunk's largest, which is larger than the kept one."""
    largest, total = kept
    return total * largest / chunk[0] + sum(chunk) / chunk[0]


def not_rescaled(kept, chunk):
    return kept[1] + sum(chunk) / chunk[0]


def wrong_way_round(kept, chunk):
    return kept[1] * chunk[0] / kept[0] + sum(chunk) / chunk[0]


def last_chunk_alone(kept, chunk):
    return sum(chunk) / chunk[0]


def summed(accumulator, kept, chunk, values):
    """The accumulator after the second chunk."""
    return accumulator * kept[0] / chunk[0] + sum_of(chunk, values)


def sum_of(chunk, values):
    return sum(height * value for height, value in zip(chunk, values, strict=True)) / chunk[0]


def output(accumulator, kept, chunk, values):
    return summed(accumulator, kept, chunk, values) / whole_total(kept, chunk)


def accumulator_left(accumulator, kept, chunk, values):
    return (accumulator + sum_of(chunk, values)) / whole_total(kept, chunk)


def mean_of_both(accumulator, kept, chunk, values):
    return (accumulator / kept[1] + sum_of(chunk, values) / last_chunk_alone(kept, chunk)) / 2


questions = [
    numeric(
        "total-by-hand",
        whole_total,
        {
            "not rescaled": not_rescaled,
            "the wrong way round": wrong_way_round,
            "the last chunk alone": last_chunk_alone,
        },
        first={"kept": (4, 1.5), "chunk": (8, 2)},
        draw=among(
            apart(whole_total, not_rescaled, wrong_way_round, last_chunk_alone),
            kept=((4, 1.5), (2, 1.5), (4, 2.25), (4, 1.25), (2, 2)),
            chunk=((8, 2), (16, 4), (8, 8), (8, 4), (16, 2)),
        ),
        worked=lambda kept, chunk: {"old": kept[1] * kept[0] / chunk[0], "new": sum(chunk) / chunk[0]},
    ),
    numeric(
        "output-from-two-chunks",
        output,
        {"accumulator not rescaled": accumulator_left, "not divided": summed, "a mean of two outputs": mean_of_both},
        first={"accumulator": 8, "kept": (4, 1.5), "chunk": (8, 2), "values": (1, 16)},
        draw=among(
            apart(output, accumulator_left, summed, mean_of_both),
            accumulator=(6, 8, 12),
            kept=((4, 1.5), (4, 1.25), (2, 1.5)),
            chunk=((8, 2), (8, 4), (16, 4)),
            values=((1, 16), (4, 2), (3, 8), (10, 4)),
        ),
        worked=lambda accumulator, kept, chunk, values: {
            "shrunk": accumulator * kept[0] / chunk[0],
            "new": sum_of(chunk, values),
            "sum": summed(accumulator, kept, chunk, values),
            "total": whole_total(kept, chunk),
        },
    ),
    numeric(
        "rescaling-share",
        lambda block: 100 / (4 * block),
        {
            "beside one product": lambda block: 100 / (2 * block),
            "a share, no percentage": lambda block: 1 / (4 * block),
        },
        tolerance=0.03,
        first={"block": 128},
        draw=among(block=(32, 64, 96, 128, 192, 256)),
        worked=lambda block: {"four": 4 * block},
    ),
    numeric(
        "score-traffic",
        lambda heads, tokens: 4 * heads * tokens * tokens * 2,
        {
            "crossed only once": lambda heads, tokens: heads * tokens * tokens * 2,
            "half of the traffic": lambda heads, tokens: 2 * heads * tokens * tokens * 2,
            "one head only": lambda heads, tokens: 4 * tokens * tokens * 2,
        },
        first={"heads": 32, "tokens": 8192},
        draw=among(heads=(16, 24, 32, 40, 64), tokens=(2048, 4096, 8192, 16_384, 32_768)),
        worked=lambda heads, tokens: {
            "square": binary(heads * tokens**2 * 2),
            "size": binary(4 * heads * tokens**2 * 2),
            "bus": 1000 * 4 * heads * tokens**2 * 2 / BUS,
            "tflop": 4 * tokens**2 * 128 * heads / 1e12,
            "products": 1000 * 4 * tokens**2 * 128 * heads / ARITHMETIC,
        },
    ),
    numeric(
        "peak-ratio",
        peak_ratio,
        {"only the scores are compared": ratio_of_scores, "the output is left out": ratio_without_output},
        tolerance=0.02,
        first={"tokens": 8192, "width": 128, "block": 128},
        draw=among(
            apart(peak_ratio, ratio_of_scores, ratio_without_output, by=0.1),
            tokens=(8192, 16_384, 32_768, 65_536),
            width=(64, 128),
            block=(64, 128),
        ),
        worked=lambda tokens, width, block: {
            "plain": peak_floats(tokens, width),
            "tiled": peak_floats(tokens, width, block),
            "near": tokens // width,
            "shrink": (tokens // block) ** 2,
        },
    ),
    numeric(
        "causal-tiles",
        lambda blocks, block: blocks * (blocks + 1) // 2,
        {
            "exactly half of the tiles": lambda blocks, block: blocks * blocks // 2,
            "the tiles on the diagonal are forgotten": lambda blocks, block: blocks * (blocks - 1) // 2,
            "no tile is skipped": lambda blocks, block: blocks * blocks,
        },
        tolerance=0,
        first={"blocks": 64, "block": 128},
        draw=among(blocks=(16, 32, 48, 64, 96, 128), block=(64, 128, 256)),
        worked=lambda blocks, block: {
            "tokens": blocks * block,
            "tiles": blocks**2,
            "more": blocks + 1,
            "percent": 50 * (blocks + 1) / blocks,
        },
    ),
    numeric(
        "recompute-flops",
        scores_again,
        {
            "the whole forward again": lambda **given: 2 * scores_again(**given),
            "only multiplications are counted": lambda **given: scores_again(**given) / 2,
            "one head only": lambda heads, **given: scores_again(heads=1, **given),
            "the time to store them instead": scores_stored,
        },
        first={"tokens": 8192, "heads": 32, "width": 128},
        draw=among(tokens=(4096, 8192, 16_384, 32_768), heads=(16, 24, 32, 40, 64), width=(64, 96, 128)),
        worked=lambda tokens, heads, width: {
            "tflop": 2 * tokens**2 * width * heads / 1e12,
            "traffic": 4 * heads * tokens**2 / 1e9,
            "storing": scores_stored(tokens, heads, width),
            "kept": binary(2 * heads * tokens**2),
        },
    ),
    predict("unchanged-maximum", lambda: 1, {"the old sum is dropped": lambda: 0}),
    predict(
        "share-of-a-part",
        lambda: 0.9,
        {"both parts count alike": lambda: 0.5, "the share of the other part": lambda: 0.1},
    ),
    predict(
        "kept-for-backward",
        lambda: (2, 32, 8192),
        {
            "the weights are stored": lambda: (2, 32, 8192, 8192),
            "one number for each head": lambda: (2, 32),
            "the heads are forgotten": lambda: (2, 8192),
        },
    ),
]
