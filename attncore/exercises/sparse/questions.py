"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, decimal

SCORED, SUMMED = 512 + 64, 512  # widths of latent attention: what a query meets, and what is added up
INDEXED = 128  # the width of an indexer's key


def index_of(products, weights):
    return sum(w * max(p, 0) for p, w in zip(products, weights, strict=True))


def without_relu(products, weights):
    return sum(w * p for p, w in zip(products, weights, strict=True))


def relu_last(products, weights):
    return max(without_relu(products, weights), 0)


def unweighted(products, weights):
    return sum(max(p, 0) for p in products)


def output_of(heights, values, selected, total=None):
    """The mean of the selected values, weighted by the heights, the exponentials of the scores."""
    added = sum(heights[j] * values[j] for j in selected)
    return added / (total or sum(heights[j] for j in selected))


def two_best(numbers):
    return sorted(range(len(numbers)), key=lambda j: -numbers[j])[:2]


def by_index(heights, index, values):
    return output_of(heights, values, two_best(index))


def not_renormalized(heights, index, values):
    return output_of(heights, values, two_best(index), sum(heights))


def by_scores(heights, index, values):
    return output_of(heights, values, two_best(heights))


def of_all(heights, index, values):
    return output_of(heights, values, range(len(values)))


def attending(heads):
    """FLOPs of one query and one key in latent attention, absorbed."""
    return 2 * heads * (SCORED + SUMMED)


def indexing(index_heads):
    return 2 * index_heads * INDEXED


def sparse_flops(heads, index_heads, kept, tokens):
    return indexing(index_heads) * tokens + attending(heads) * kept


def times_fewer(heads, index_heads, kept, tokens):
    return attending(heads) * tokens / sparse_flops(heads, index_heads, kept, tokens)


def tokens_over_kept(heads, index_heads, kept, tokens):
    return tokens / kept


def attending_over_indexing(heads, index_heads, kept, tokens):
    return attending(heads) / indexing(index_heads)


def even(heads, index_heads, kept):
    return kept * attending(heads) / (attending(heads) - indexing(index_heads))


def read_bytes(kept, tokens):
    return INDEXED * tokens + 2 * SCORED * kept


def seen_entries(kept, ratio, window, tokens):
    return min(kept, tokens // ratio) + window


def kept_share(light, heavy, window, tokens):
    return (tokens / light + tokens / heavy + 2 * window) / (2 * tokens)


questions = [
    predict(
        "keys-that-matter",
        lambda: "one",
        {"half of the weight": lambda: "about half of them", "softmax is never zero": lambda: "all of them"},
    ),
    numeric(
        "selected-by-hand",
        by_index,
        {
            "the selected weights don't sum to one": not_renormalized,
            "selected by the scores": by_scores,
            "nothing left out": of_all,
        },
        first={"heights": (8, 1, 3, 2), "index": (0, 5, 4, 1), "values": (2, 4, 8, 6)},
        draw=among(
            apart(by_index, not_renormalized, by_scores, of_all, by=0.05),
            heights=((8, 1, 3, 2), (6, 2, 2, 1), (9, 3, 1, 2), (2, 1, 4, 8)),
            index=((0, 5, 4, 1), (1, 2, 0, 3), (4, 0, 2, 1), (0, 3, 2, 1)),
            values=((2, 4, 8, 6), (9, 1, 3, 5), (0, 8, 4, 2)),
        ),
        worked=lambda heights, index, values: {
            "first": two_best(index)[0],
            "second": two_best(index)[1],
            "total": sum(heights[j] for j in two_best(index)),
            "sum": sum(heights[j] * values[j] for j in two_best(index)),
        },
    ),
    numeric(
        "index-by-hand",
        index_of,
        {"no ReLU": without_relu, "ReLU after the sum": relu_last, "weights left out": unweighted},
        first={"products": (3, -4, 2), "weights": (1, 2, 0.5)},
        draw=among(
            lambda products, weights: (
                len({f(products, weights) for f in (index_of, without_relu, relu_last, unweighted)}) == 4
            ),
            products=((3, -4, 2), (5, -2, -3), (-6, 4, 2), (2, 6, -7)),
            weights=((1, 2, 0.5), (0.5, 3, 2), (2, 0.5, 3), (3, 1, 2)),
        ),
        worked=lambda products, weights: {
            "terms": " + ".join(f"{w:g} x {max(p, 0)}" for p, w in zip(products, weights, strict=True))
        },
    ),
    predict(
        "zeros-in-the-index",
        lambda: "the first two of the text",
        {"the latest": lambda: "the last two of the text", "nothing to select": lambda: "none: only two are kept"},
    ),
    numeric(
        "indexer-flops",
        times_fewer,
        {
            "the indexer forgotten": tokens_over_kept,
            "the indexer against attention alone": attending_over_indexing,
            "the share that is left": lambda **given: 1 / times_fewer(**given),
        },
        first={"heads": 128, "index_heads": 64, "kept": 2048, "tokens": 131_072},
        draw=among(
            apart(times_fewer, tokens_over_kept, attending_over_indexing),
            heads=(64, 128),
            index_heads=(32, 64),
            kept=(1024, 2048, 4096),
            tokens=(32_768, 65_536, 131_072, 262_144),
        ),
        worked=lambda heads, index_heads, kept, tokens: {
            "attend": attending(heads),
            "look": indexing(index_heads),
            "dense": decimal(attending(heads) * tokens, of="FLOPs"),
            "looking": decimal(indexing(index_heads) * tokens, of="FLOPs"),
            "selected": decimal(attending(heads) * kept, of="FLOPs"),
            "percent": 100 * indexing(index_heads) * tokens / sparse_flops(heads, index_heads, kept, tokens),
        },
    ),
    numeric(
        "indexer-break-even",
        even,
        {
            "the indexer for nothing": lambda heads, index_heads, kept: kept,
            "the indexer counted twice": lambda heads, index_heads, kept: (
                kept * (attending(heads) + indexing(index_heads)) / attending(heads) + kept
            ),
        },
        tolerance=0.002,
        first={"heads": 128, "index_heads": 64, "kept": 2048},
        draw=among(heads=(32, 64, 128), index_heads=(16, 32, 64), kept=(512, 1024, 2048, 4096)),
        worked=lambda heads, index_heads, kept: {"attend": attending(heads), "look": indexing(index_heads)},
    ),
    predict(
        "what-shrinks",
        lambda: "what a step reads",
        {"the cache": lambda: "the cache", "both": lambda: "both the cache and what a step reads"},
    ),
    numeric(
        "read-with-an-indexer",
        read_bytes,
        {
            "the indexer's keys forgotten": lambda kept, tokens: 2 * SCORED * kept,
            "all latents read": lambda kept, tokens: 2 * SCORED * tokens,
            "the indexer's keys at two bytes": lambda kept, tokens: 2 * INDEXED * tokens + 2 * SCORED * kept,
        },
        first={"kept": 2048, "tokens": 131_072},
        draw=among(kept=(512, 1024, 2048), tokens=(32_768, 65_536, 131_072, 262_144, 1_048_576)),
        worked=lambda kept, tokens: {
            "latents": decimal(2 * SCORED * kept),
            "keys": decimal(INDEXED * tokens),
            "dense": decimal(2 * SCORED * tokens),
            "fewer": 2 * SCORED * tokens / read_bytes(kept, tokens),
        },
    ),
    predict(
        "compressed-shape",
        lambda: (2, 8, 63, 64),
        {
            "the last block dropped": lambda: (2, 8, 62, 64),
            "a vector for each token": lambda: (2, 8, 1000, 64),
            "the width cut": lambda: (2, 8, 1000, 4),
        },
    ),
    numeric(
        "needle-in-a-mean",
        lambda score, block: score / block,
        {
            "as it would score alone": lambda score, block: score,
            "thinned by the square root": lambda score, block: score / block**0.5,
        },
        first={"score": 12, "block": 16},
        draw=among(score=(6, 9, 12, 18, 24), block=(8, 16, 32, 64)),
        worked=lambda score, block: {"rest": block - 1},
    ),
    numeric(
        "found-by-chance",
        lambda kept, tokens: kept / tokens,
        {
            "one key in all": lambda kept, tokens: 1 / tokens,
            "one key among those read": lambda kept, tokens: 1 / kept,
        },
        first={"kept": 32, "tokens": 512},
        draw=among(lambda kept, tokens: kept * kept != tokens, kept=(16, 32, 64, 128), tokens=(512, 1024, 4096)),
    ),
    predict(
        "who-finds-it",
        lambda: "the indexer",
        {"blocks by their mean": lambda: "the blocks", "no difference": lambda: "both about as often"},
    ),
    numeric(
        "entries-of-a-compressed-layer",
        seen_entries,
        {
            "the window forgotten": lambda kept, ratio, window, tokens: min(kept, tokens // ratio),
            "all entries": lambda kept, ratio, window, tokens: tokens // ratio + window,
            "tokens instead of entries": lambda kept, ratio, window, tokens: (
                min(kept, tokens // ratio) * ratio + window
            ),
        },
        tolerance=0,
        first={"kept": 1024, "ratio": 4, "window": 128, "tokens": 1_048_576},
        draw=among(
            lambda kept, ratio, window, tokens: kept < tokens // ratio and kept * ratio != tokens // ratio,
            kept=(512, 1024, 2048),
            ratio=(4, 8),
            window=(64, 128, 256),
            tokens=(32_768, 131_072, 1_048_576),
        ),
        worked=lambda kept, ratio, window, tokens: {"entries": tokens // ratio},
    ),
    numeric(
        "entries-kept",
        kept_share,
        {
            "one layer instead of two": lambda light, heavy, window, tokens: (
                2 * kept_share(light, heavy, window, tokens)
            ),
            "the light layer forgotten": lambda light, heavy, window, tokens: (
                (tokens / heavy + 2 * window) / (2 * tokens)
            ),
        },
        first={"light": 4, "heavy": 128, "window": 128, "tokens": 131_072},
        draw=among(light=(2, 4, 8), heavy=(64, 128, 256), window=(128, 512), tokens=(32_768, 131_072, 1_048_576)),
        worked=lambda light, heavy, window, tokens: {
            "first": tokens // light + window,
            "second": tokens // heavy + window,
            "both": 2 * tokens,
        },
    ),
]
