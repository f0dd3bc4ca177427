"""What a model costs on a card, from the course's own counts: what the drills and the designs are worked out with."""

from attncore.cache import attention_flops, kv_cache_bytes
from attncore.exercises.configurations import GraphicsCard, Model
from attncore.shared_heads import kv_bytes_per_token

REACHED = 0.4  # of a card's arithmetic, in prefill


def cache_of(model: Model, tokens: int, batch: int = 1, bytes_per_value: float = 2) -> int:
    """The bytes of the cache of so many requests: whole layers, windows, or a latent, as the model has them."""
    if model.latent:
        return int(tokens * batch * latent_of(model, bytes_per_value))
    whole = kv_cache_bytes(
        model.layers - model.local, model.kv_heads, model.head_width, tokens, batch, bytes_per_value=bytes_per_value
    )
    kept = min(tokens, model.window)
    return int(
        whole
        + kv_cache_bytes(model.local, model.kv_heads, model.head_width, kept, batch, bytes_per_value=bytes_per_value)
    )


def latent_of(model: Model, bytes_per_value: float = 2) -> float:
    """The bytes of one token as a latent and a rotated key."""
    return kv_bytes_per_token(
        "mla",
        model.layers,
        model.heads,
        model.head_width,
        d_latent=model.latent,
        d_rope=model.rotated,
        bytes_per_value=bytes_per_value,
    )


def square_flops(model: Model, tokens: int) -> float:
    """Scores and weighted sums under a causal mask: what twice the text costs beyond twice as much, and half of it."""
    width = model.heads * model.head_width
    beyond = attention_flops(2 * tokens, width) - 2 * attention_flops(tokens, width)
    return model.layers * beyond / 2 / 2


def weight_flops(model: Model, tokens: int) -> int:
    """A multiplication and an addition for each weight that a token passes through."""
    return 2 * (model.active or model.parameters) * tokens


def prefill_seconds(model: Model, card: GraphicsCard, tokens: int, reached: float = REACHED) -> float:
    """The time to read a prompt, bound by arithmetic."""
    return (weight_flops(model, tokens) + square_flops(model, tokens)) / (reached * card.tflops * 1e12)


def reading_speed(model: Model, card: GraphicsCard, reached: float = REACHED) -> float:
    """Tokens a second of prefill, the square of the scores left out."""
    return reached * card.tflops * 1e12 / weight_flops(model, 1)


def step_seconds(weight_bytes: float, cache_bytes: float, card: GraphicsCard) -> float:
    """The time of one step of decoding, bound by reading the weights once and every cache."""
    return (weight_bytes + cache_bytes) / (card.bandwidth * 1e12)


def expected_tokens(accepted: float, proposed: int) -> float:
    """The tokens of one step of speculative decoding, each proposal accepted with the same chance."""
    return (1 - accepted ** (proposed + 1)) / (1 - accepted)
