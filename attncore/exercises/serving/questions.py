"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.cache import kv_cache_bytes
from attncore.exercises.configurations import A100, CARDS, GROUPED, H100, H200, LLAMA_3_8B, MISTRAL_7B, QWEN_3_8B
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary, times
from attncore.serving import expected_tokens, step_time

SMALL = (LLAMA_3_8B, MISTRAL_7B, QWEN_3_8B)
FAST = tuple(card for card in CARDS if card.memory >= 40)


def token_bytes(model, tokens=1):
    return kv_cache_bytes(model.layers, model.kv_heads, model.head_width, tokens)


def blocks_of(tokens, block):
    return -(-tokens // block)


def slot_of(blocks, block, token):
    return blocks[token // block] * block + token % block


def not_multiplied(blocks, block, token):
    return blocks[token // block] + token % block


def place_alone(blocks, block, token):
    return token


def one_block_on(blocks, block, token):
    return blocks[(token // block + 1) % len(blocks)] * block + token % block


def in_blocks(reserved, tokens, block):
    return reserved / (blocks_of(tokens, block) * block)


def chunk_phases(model, chunk, before):
    """The two phases of a chunk: all weights, and attention, which reads the cache of the tokens before."""
    scores = 4 * chunk * (before + chunk / 2) * model.heads * model.head_width * model.layers
    return [(2 * model.parameters * chunk, model.weight_bytes), (scores, token_bytes(model, before + chunk))]


def chunk_ms(card, model, chunk, before):
    return 1e3 * step_time(chunk_phases(model, chunk, before), card.tflops * 1e12, card.bandwidth * 1e12)


def largest_ms(card, model, chunk, before):
    phases = chunk_phases(model, chunk, before)
    flops, read = (sum(column) for column in zip(*phases, strict=True))
    return 1e3 * max(flops / card.tflops, read / card.bandwidth) / 1e12


def decode_ms(card, model, batch, tokens):
    weights = (2 * model.parameters * batch, model.weight_bytes)
    cache = (4 * batch * tokens * model.heads * model.head_width * model.layers, batch * token_bytes(model, tokens))
    return 1e3 * step_time([weights, cache], card.tflops * 1e12, card.bandwidth * 1e12)


def fits_the_card(card, model, batch, tokens):
    return model.weight_bytes + batch * token_bytes(model, tokens) <= card.bytes


def weights_ms(card, model, batch, tokens):
    return 1e3 * model.weight_bytes / card.bandwidth / 1e12


def cache_ms(card, model, batch, tokens):
    return 1e3 * batch * token_bytes(model, tokens) / card.bandwidth / 1e12


def saved_gb(model, users, prefix):
    return (users - 1) * token_bytes(model, prefix) / 1e9


def acceptance(p, q):
    return sum(min(target, draft) for target, draft in zip(p, q, strict=True))


def speed(a, n, cost):
    return expected_tokens(a, n) / (1 + n * cost)


def draft_for_nothing(a, n, cost):
    return expected_tokens(a, n)


def as_if_independent(a, n, cost):
    return (1 + n * a) / (1 + n * cost)


def without_the_bonus(a, n, cost):
    return (expected_tokens(a, n) - 1) / (1 + n * cost)


def shipped_ms(model, tokens, network):
    return 1e3 * token_bytes(model, tokens) / (network * 1e9)


PAIRS = (
    ((0.5, 0.3, 0.2), (0.7, 0.2, 0.1)),
    ((0.1, 0.6, 0.3), (0.4, 0.4, 0.2)),
    ((0.2, 0.2, 0.6), (0.5, 0.1, 0.4)),
    ((0.3, 0.6, 0.1), (0.6, 0.1, 0.3)),
    ((0.4, 0.5, 0.1), (0.1, 0.7, 0.2)),
)


def written(p):
    return ", ".join(f"{share:g}" for share in p)


def rejected(p, q):
    """The first class of which the target has more, and what it gets of the draws after a rejection."""
    excess = [max(target - draft, 0) for target, draft in zip(p, q, strict=True)]
    return max(range(len(p)), key=lambda i: excess[i]), excess


def refilled(pair):
    most, excess = rejected(*pair)
    return excess[most] / sum(excess)


def code_of(line, bits):
    least, most = min(line), max(line)
    return round((line[2] - least) / (most - least) * (2**bits - 1))


questions = [
    numeric(
        "slot-of-a-token",
        slot_of,
        {
            "the block's number isn't multiplied by its size": not_multiplied,
            "the token's place alone": place_alone,
            "one block too far": one_block_on,
        },
        tolerance=0,
        first={"blocks": (7, 2, 5), "block": 4, "token": 6},
        draw=among(
            apart(slot_of, not_multiplied, place_alone, one_block_on, by=0),
            blocks=((7, 2, 5), (3, 9, 1), (6, 4, 8)),
            block=(4, 8),
            token=(5, 6, 7, 9, 10),
        ),
        worked=lambda blocks, block, token: {
            "list": ", ".join(map(str, blocks)),
            "row": token // block,
            "held": blocks[token // block],
            "rest": token % block,
            "last": block - 1,
        },
    ),
    numeric(
        "room-for-more",
        in_blocks,
        {
            "blocks that needn't be whole": lambda reserved, tokens, block: reserved / tokens,
            "counted in blocks": lambda reserved, tokens, block: reserved / block,
        },
        first={"reserved": 4096, "tokens": 330, "block": 16},
        draw=among(
            apart(in_blocks, lambda reserved, tokens, block: reserved / tokens),
            reserved=(2048, 4096, 8192),
            tokens=(130, 210, 330, 420, 590),
            block=(16, 32, 64),
        ),
        worked=lambda reserved, tokens, block: {
            "blocks": blocks_of(tokens, block),
            "held": blocks_of(tokens, block) * block,
        },
    ),
    predict(
        "blocks-after-a-fork",
        lambda: 4,
        {
            "everything is copied": lambda: 6,
            "nothing is copied when one writes": lambda: 3,
            "both writers get a copy": lambda: 5,
        },
        tolerance=0,
    ),
    numeric(
        "saved-by-a-prefix",
        saved_gb,
        {
            "what is held, not what is saved": lambda model, users, prefix: token_bytes(model, prefix) / 1e9,
            "keys without values": lambda model, users, prefix: saved_gb(model, users, prefix) / 2,
            "one layer only": lambda model, users, prefix: saved_gb(model, users, prefix) / model.layers,
            "all query heads": lambda model, users, prefix: saved_gb(model, users, prefix) * model.group,
        },
        first={"model": LLAMA_3_8B, "users": 1000, "prefix": 4096},
        draw=among(model=GROUPED, users=(200, 500, 1000), prefix=(1024, 2048, 4096, 8192)),
        worked=lambda model, users, prefix: {
            "each": token_bytes(model),
            "once": token_bytes(model, prefix) / 1e9,
            "others": users - 1,
        },
    ),
    numeric(
        "one-decode-step",
        decode_ms,
        {
            "weights alone": weights_ms,
            "cache alone": cache_ms,
        },
        first={"card": H100, "model": LLAMA_3_8B, "batch": 64, "tokens": 2048},
        draw=among(
            lambda **given: fits_the_card(**given) and apart(decode_ms, weights_ms, cache_ms, by=0.1)(**given),
            card=(A100, H100, H200),
            model=SMALL,
            batch=(16, 32, 64),
            tokens=(1024, 2048, 4096, 8192),
        ),
        worked=lambda **given: {
            "weights": weights_ms(**given),
            "cache": cache_ms(**given),
            "in_gb": given["batch"] * token_bytes(given["model"], given["tokens"]) / 1e9,
        },
    ),
    predict(
        "chunks-of-128",
        lambda: "longer: the weights are read more often than the arithmetic hides",
        {
            "the work alone is counted": lambda: "equal: the work is the same, cut otherwise",
            "small pieces taken for quick ones": lambda: "shorter: small chunks keep the GPU busy",
        },
    ),
    numeric(
        "one-chunk",
        chunk_ms,
        {
            "all reads beside all arithmetic": largest_ms,
            "weights alone": lambda card, model, chunk, before: (
                1e3 * step_time(chunk_phases(model, chunk, before)[:1], card.tflops * 1e12, card.bandwidth * 1e12)
            ),
        },
        first={"card": H100, "model": LLAMA_3_8B, "chunk": 128, "before": 100_000},
        draw=among(
            lambda **given: apart(chunk_ms, largest_ms, by=0.05)(**given),
            card=FAST,
            model=SMALL,
            chunk=(64, 128, 192),
            before=(50_000, 100_000, 120_000),
        ),
        worked=lambda card, model, chunk, before: {
            "each": token_bytes(model),
            "reading": 1e3 * model.weight_bytes / card.bandwidth / 1e12,
            "product": 2e3 * model.parameters * chunk / card.tflops / 1e12,
            "scoring": 1e3 * chunk_phases(model, chunk, before)[1][0] / card.tflops / 1e12,
            "cached": 1e3 * token_bytes(model, before + chunk) / card.bandwidth / 1e12,
        },
    ),
    predict(
        "who-waits",
        lambda: "its first token later, theirs more evenly",
        {
            "chunks taken for a speed-up": lambda: "its first token sooner, theirs more evenly",
            "chunks taken for free": lambda: "its first token as before, theirs more evenly",
            "decodes taken to wait": lambda: "its first token sooner, theirs later",
        },
    ),
    numeric(
        "how-often-accepted",
        lambda pair: acceptance(*pair),
        {
            "the product of the two": lambda pair: sum(a * b for a, b in zip(*pair, strict=True)),
            "what is rejected": lambda pair: 1 - acceptance(*pair),
        },
        first={"pair": PAIRS[0]},
        draw=among(apart(lambda pair: acceptance(*pair), lambda pair: 1 - acceptance(*pair)), pair=PAIRS),
        worked=lambda pair: {
            "p": written(pair[0]),
            "q": written(pair[1]),
            "mins": " + ".join(f"{min(each):g}" for each in zip(*pair, strict=True)),
        },
    ),
    numeric(
        "drawn-after-a-rejection",
        refilled,
        {
            "the target's probability": lambda pair: pair[0][rejected(*pair)[0]],
            "not renormalized": lambda pair: rejected(*pair)[1][rejected(*pair)[0]],
        },
        first={"pair": PAIRS[0]},
        draw=among(apart(refilled, lambda pair: pair[0][rejected(*pair)[0]]), pair=PAIRS),
        worked=lambda pair: {
            "p": written(pair[0]),
            "q": written(pair[1]),
            "token": rejected(*pair)[0],
            "excess": written([round(each, 4) for each in rejected(*pair)[1]]),
            "most": rejected(*pair)[1][rejected(*pair)[0]],
            "total": sum(rejected(*pair)[1]),
        },
    ),
    numeric(
        "worth-drafting",
        speed,
        {
            "the draft costs nothing": draft_for_nothing,
            "tokens behind a rejected one are counted": as_if_independent,
            "the token that the target adds is left out": without_the_bonus,
        },
        first={"a": 0.8, "n": 4, "cost": 0.1},
        draw=among(
            apart(speed, draft_for_nothing, as_if_independent, without_the_bonus, by=0.03),
            a=(0.5, 0.6, 0.7, 0.8),
            n=(3, 4, 5, 6),
            cost=(0.05, 0.1, 0.15),
        ),
        worked=lambda a, n, cost: {"tokens": expected_tokens(a, n), "time": 1 + n * cost},
    ),
    predict(
        "position-in-a-tree",
        lambda: 12,
        {"the place in the list": lambda: 15, "the root's position": lambda: 10, "one too deep": lambda: 13},
        tolerance=0,
    ),
    numeric(
        "a-code-by-hand",
        code_of,
        {
            "divided by 2^bits": lambda line, bits: round((line[2] - min(line)) / (max(line) - min(line)) * 2**bits),
            "not moved to zero": lambda line, bits: round(line[2] / (max(line) - min(line)) * (2**bits - 1)),
        },
        tolerance=0,
        first={"line": (-2.0, 7.0, 4.0, 1.0), "bits": 2},
        draw=among(
            lambda line, bits: (
                len(
                    {
                        code_of(line, bits),
                        round((line[2] - min(line)) / (max(line) - min(line)) * 2**bits),
                        round(line[2] / (max(line) - min(line)) * (2**bits - 1)),
                    }
                )
                == 3
            ),
            line=((-2.0, 7.0, 4.0, 1.0), (-3.0, 12.0, 9.0, 0.0), (-5.0, 10.0, 6.0, 2.0), (-4.0, 26.0, 20.0, 3.0)),
            bits=(2, 3, 4),
        ),
        worked=lambda line, bits: {
            "numbers": ", ".join(f"{number:g}" for number in line),
            "asked": line[2],
            "least": min(line),
            "range": max(line) - min(line),
            "steps": 2**bits - 1,
            "step": (max(line) - min(line)) / (2**bits - 1),
        },
    ),
    predict(
        "which-axis",
        lambda: "keys for each channel, values for each token",
        {
            "the same for both, by token": lambda: "both for each token",
            "the same for both, by channel": lambda: "both for each channel",
            "the two exchanged": lambda: "keys for each token, values for each channel",
        },
    ),
    numeric(
        "bits-in-all",
        lambda bits, group: bits + 32 / group,
        {
            "scales forgotten": lambda bits, group: bits,
            "the zero forgotten": lambda bits, group: bits + 16 / group,
        },
        first={"bits": 2, "group": 32},
        draw=among(bits=(2, 3, 4), group=(16, 32, 64, 128)),
        worked=lambda bits, group: {"times": times(round(16 / (bits + 32 / group), 1)), "more": 32 / group},
        tolerance=0.002,
    ),
    predict(
        "another-batch",
        lambda: "the sums are added up in another order",
        {
            "chance": lambda: "the sampler draws other random numbers",
            "requests taken to mix": lambda: "the other requests are attended to",
            "dropout": lambda: "dropout hits other numbers",
        },
    ),
    numeric(
        "ship-the-cache",
        shipped_ms,
        {
            "bits taken for bytes": lambda model, tokens, network: shipped_ms(model, tokens, network) * 8,
            "keys without values": lambda model, tokens, network: shipped_ms(model, tokens, network) / 2,
            "all query heads": lambda model, tokens, network: shipped_ms(model, tokens, network) * model.group,
        },
        first={"model": LLAMA_3_8B, "tokens": 8192, "network": 50},
        draw=among(
            lambda model, **_: model.group != 8,  # eight query heads to a key head, or eight bits to a byte
            model=GROUPED,
            tokens=(2048, 8192, 32_768),
            network=(25, 50, 100),
        ),
        worked=lambda model, tokens, network: {
            "each": token_bytes(model),
            "size": binary(token_bytes(model, tokens)),
            "bits": 8 * network,
        },
    ),
]
