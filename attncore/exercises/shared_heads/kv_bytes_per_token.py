"""Bytes a token."""

from attncore.cache import kv_cache_bytes
from attncore.exercises.exercise import case, code
from attncore.shared_heads import kv_bytes_per_token

LLAMA_8B = {"layers": 32, "n_heads": 32, "d_head": 128, "n_groups": 8}
LLAMA_70B = {"layers": 80, "n_heads": 64, "d_head": 128, "n_groups": 8}
DEEPSEEK_V3 = {"layers": 61, "n_heads": 128, "d_head": 128, "d_latent": 512, "d_rope": 64}
TINY = {"layers": 3, "n_heads": 12, "d_head": 8, "n_groups": 4, "d_latent": 10, "d_rope": 6}
exercise = code(
    kv_bytes_per_token,
    *(case(f"{kind} in a tiny model", kind=kind, **TINY) for kind in ("mha", "gqa", "mqa", "mla")),
    case("Llama 3 8B", kind="gqa", **LLAMA_8B),
    case("Llama 3 70B", kind="gqa", **LLAMA_70B),
    case("DeepSeek-V3", kind="mla", **DEEPSEEK_V3),
    case("no groups named", kind="mha", layers=12, n_heads=10, d_head=64),
    case("gqa in float32", kind="gqa", **TINY, bytes_per_value=4),
    case("mla in one byte a number", kind="mla", **TINY, bytes_per_value=1),
    case("mqa in one byte a number", kind="mqa", **TINY, bytes_per_value=1),
    case("another kind", kind="linear", **TINY, promise="Raises ValueError for any other kind."),
)


@exercise.mistake("the values are forgotten")
def the_values_are_forgotten(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    total = kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)
    return total if kind == "mla" else total // 2


@exercise.mistake("query heads are counted for gqa")
def query_heads_are_counted_for_gqa(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_heads, d_latent, d_rope, bytes_per_value)


@exercise.mistake("the latent is counted twice")
def the_latent_is_counted_twice(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, 2 * d_latent, 2 * d_rope, bytes_per_value)


@exercise.mistake("the latent is counted twice")
def the_latent_alone_counted_twice(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, 2 * d_latent, d_rope, bytes_per_value)


@exercise.mistake("the latent is counted for every head")
def latent_counted_for_every_head(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    d_latent, d_rope = n_heads * d_latent, n_heads * d_rope
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@exercise.mistake("the rotated key is counted for every head")
def rotated_key_counted_for_every_head(
    kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2
):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, n_heads * d_rope, bytes_per_value)


@exercise.mistake("the rotated key is forgotten")
def the_rotated_key_is_forgotten(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, 0, bytes_per_value)


@exercise.mistake("the heads of a group are counted instead of the groups")
def heads_of_a_group_are_counted(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    n_groups = n_heads // n_groups
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@exercise.mistake("in mqa only the keys are shared")
def in_mqa_only_the_keys_are_shared(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    total = kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)
    return total // 2 * (n_heads + 1) if kind == "mqa" else total


@exercise.mistake("the values are forgotten in mqa")
def the_values_are_forgotten_in_mqa(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    total = kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)
    return total // 2 if kind == "mqa" else total


@exercise.mistake("bits instead of bytes")
def bits_instead_of_bytes(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return 8 * kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@exercise.mistake("numbers instead of bytes")
def numbers_instead_of_bytes(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, 1)


@exercise.mistake("always two bytes")
def always_two_bytes(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope)


@exercise.mistake("one layer only")
def one_layer_only(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, 1, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@exercise.another_way
def by_the_key_heads(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    if kind == "mla":
        return layers * (d_latent + d_rope) * bytes_per_value
    if kind not in ("mha", "gqa", "mqa"):
        raise ValueError(f"kind is {kind}")
    key_heads = n_heads if kind == "mha" else n_groups if kind == "gqa" else 1
    return kv_cache_bytes(layers, key_heads, d_head, tokens=1, bytes_per_value=bytes_per_value)


@exercise.another_way
def with_match(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    match kind:
        case "mha":
            numbers = n_heads * d_head + n_heads * d_head
        case "gqa":
            numbers = n_groups * d_head + n_groups * d_head
        case "mqa":
            numbers = d_head + d_head
        case "mla":
            numbers = d_latent + d_rope
    return numbers * bytes_per_value * layers
