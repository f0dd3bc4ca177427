# %% [markdown]
# # A language model that runs on your functions
#
# You've written every part of a language model: heads, rotary positions, the mask, the cache, the norm, the gated layers,
# the draw. Today they run inside a real one, SmolLM2-135M-Instruct (Allal et al., 2025), 30 layers in plain NumPy.
#
# It's a download of 93 MB: `attncore get-model smollm2`. Without it you'll read recordings; only what you make up
# yourself, such as a prompt of your own, needs the model.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, symptoms, writes, yours

# %%
writes("The capital of France is", 12)

# %% [markdown]
# The gray part is ours, the rest is the model's: one token at a time, each the most likely. (It knows capitals. Don't
# expect much judgment from a model this small.)

# %% exercise="halves-in-a-model"

# %% [markdown]
# Now do it. Write a rotary that pairs entry i with entry i + d/2 in the cell below, or any other wrong one that you like, and
# read what it does. As it stands, it rotates nothing at all.


# %%
def my_rotary(x, positions, base=10000.0):
    return x


writes("The capital of France is", 12, apply_rotary=my_rotary)

# %%
symptoms(apply_rotary=my_rotary)

# %% [markdown]
# Paris survives even with no positions at all. That's worth remembering when somebody shows you one good answer as
# proof that their engine works.

# %% [markdown]
# ## Which of the parts are yours
#
# The model takes nine functions by name. `yours` looks through your notebooks: where `check` has found a function
# right, yours runs, in all 30 layers; where it hasn't yet, the course's does. So the text is English either way.

# %%
from attncore.language_model import Parts

mine = {name: getattr(yours, name) for name in Parts._fields}
writes("Once upon a time, in a village by the sea,", 40, **mine)

# %% [markdown]
# ## From a text to ids
#
# The model doesn't read letters; it reads ids from 0 to 49,151. They come from byte-pair encoding (Sennrich et al.,
# 2015): start with the bytes of a large text, and merge the most frequent pair of neighbors into a new token; then
# again, and again. "abab", say: (a, b) comes twice, so it becomes one token, 256, and the text is 256, 256.

# %% exercise="bpe_merges"

# %%
words = b"low lower lowest newer newest wide wider widest"
merges = yours.bpe_merges(np.array([*words]), 6)
spelled = {i: bytes([i]) for i in range(256)}
for i, (left, right) in enumerate(merges):
    spelled[256 + i] = spelled[left] + spelled[right]
[spelled[256 + i].decode() for i in range(len(merges))]

# %% [markdown]
# What comes out is endings, and beginnings of words with the space before them, though nobody told it any grammar. To
# encode another text later, the merges are replayed in the order in which they were learned. Why not simply take the
# longest token that fits? Because then the same word could be cut in ways that training never saw.

# %% exercise="bpe_encode"

# %%
tokens = yours.bpe_encode(np.array([*b"slower newest lowest"]), merges)
[spelled[token].decode() for token in tokens]

# %% [markdown]
# SmolLM2's tokenizer has 48,900 such merges, 17 marks such as the end of a turn, and 235 of the 256 bytes: the rest hardly
# occur in text. Before it merges it cuts the text into words, each with the space before it, so that no token ever reaches
# across two words.

# %%
from attncore.recorded import recorded_smollm2_maps

[tokens for tokens, _ in recorded_smollm2_maps().values()]

# %% exercise="pieces-of-a-year"

# %% [markdown]
# ## Thirty blocks
#
# Here is one block, as it runs. Every name after `parts.` is a function that you've written; attention comes in as
# `attend`, which calls the other parts itself.

# %%
import inspect

from attncore.language_model import block

print(inspect.getsource(block))

# %% [markdown]
# Lesson 09's block with four changes that by now nearly every model has made: RMS norm, rotary positions in each layer, a
# gated feed-forward part (Touvron et al., 2023a), and nine query heads on three key heads (lesson 13). The file keeps
# adjacent rotary pairs, so your `apply_rotary` fits as it is.

# %% exercise="weights-of-attention"

# %% exercise="share-of-the-embedding"

# %%
from attncore.views.tables import bars

counts = np.array([28_311_552, 26_542_080, 79_626_240, 35_136])
names = ["embedding, tied", "attention", "feed-forward", "norms"]
bars(counts / counts.sum(), names, "Where are the 134,515,008 weights?")

# %% [markdown]
# In a large model the embedding shrinks to a percent or two, and the feed-forward part has most of the weights. In a
# small one it's a fifth, and that's why it's tied: one table at both ends (Press and Wolf, 2016).

# %% exercise="bits-of-a-packed-weight"

# %% [markdown]
# That's how 135 million weights come in a file of 98 MB, 93 as it is downloaded (the embedding has eight bits a weight). We
# unpack them to float32 when the model is loaded, so we read more bytes than the file has. An engine that's built for speed
# would keep them packed, and unpack them on the way.

# %% [markdown]
# ## Prefill, then decode
#
# You know the loop from lesson 09 and the cache from lesson 12; here they meet. The prompt is read in one go, then each
# new token alone, and whatever was read stays in the caches of the layers.

# %% exercise="decode_with_cache"

# %% exercise="cache-of-a-small-model"

# %% exercise="tokens-the-memory-allows"

# %% [markdown]
# On our machine, with one thread, the course's NumPy writes 35 tokens a second and reads a prompt at about 600
# (November 2026). All weights are read once for each token written, and once for the whole prompt: the roofline of
# lesson 12, on a CPU.

# %% [markdown]
# ## Loud, late and silent
#
# What do mistakes look like in a model that works? We put every labeled mistake of the course into all 30 layers, and
# measured two losses on a paragraph of prose: all of it, read at once, and its tokens from the 41st on, decoded one by one
# (so the two numbers differ, 3.02 and 2.56, even without a mistake). Guess first.

# %% exercise="everything-one-further"

# %% exercise="loss-with-a-leak"

# %% exercise="the-quiet-one"

# %%
from attncore.views.widgets.language_model import mistakes_picture

mistakes_picture()

# %% [markdown]
# Each point is one mistake; choose them one by one and read what the model writes. Most lie at the upper right. They're
# **loud**: the text or a loss is visibly off. Those on the vertical line at zero are **late**: a whole pass is exactly
# right, and decoding fails. Near the middle are the **silent** ones. And on the left the loss got *better*, which
# always means that the answer leaks in.

# %%
from collections import Counter

from attncore.recorded import recorded_mistakes

right, *mistakes = recorded_mistakes()
print(Counter(mistake.kind for mistake in mistakes))
[f"{m.part}: {m.label}" for m in mistakes if m.kind in ("late", "silent")]

# %% [markdown] folded="Why do so many change nothing?"
# They change what makes no difference here, such as counting positions from one, or what this model never meets: a row
# with nothing allowed, an explicit scale. "All visible once there is a cache" is right as long as tokens are read one
# at a time, and wrong for a chunk. A test of the function alone finds all of these; a test of the model finds none.

# %% exercise="test-for-a-late-bug"

# %% exercise="fix_writer"

# %% [markdown]
# So how do you test an engine? Losses and texts aren't enough, as you've seen. Compare logits with a trusted
# implementation on a few prompts: the largest difference, not "looks similar". Then compute the same logits in one
# pass, in chunks of three, and token by token, and compare those. And test each function by itself, in its corner
# cases.


# %%
def my_mask(n_query, n_key=None):
    n_key = n_key or n_query
    return np.tri(n_query, n_key, n_key - n_query - 1, dtype=bool)


symptoms(causal_mask=my_mask)

# %% [markdown]
# That mask hides a token from itself. The text is fluent, and wrong. Try others: can you write a mistake that `check` refuses
# and whose text you'd have believed?

# %% exercise="fix_chat"

# %% [markdown]
# ## A loss that can be compared
#
# SmolLM2's loss on a page of *Alice* is 3.17 nats a token. Another model, with twice the vocabulary, has 3.6 on the same
# page. Which is better? You can't say yet: its tokens are longer, so there are fewer of them. Bits for each *byte* of the text
# can be compared, whatever the tokenizer.

# %% exercise="bits-of-a-loss"

# %% exercise="bits_per_byte"

# %%
scores = np.zeros((3, 49_152))
print(f"{yours.bits_per_byte(scores, np.array([504, 2644, 2643]), 'The cat sat'):.2f}")

# %% [markdown]
# A model that knows nothing needs log2 of its vocabulary for each token, 15.6 bits, and in this sentence that's 4.3 a
# byte. SmolLM2 needs 1.23 on the page of *Alice*.

# %% [markdown]
# ## Inside: copying
#
# Take fifty random tokens and append the same fifty again. Nothing can be guessed in the first half. In the second, everything
# can, by looking up what came after the same token last time. Olsson et al. (2022) call heads that do it **induction
# heads**.

# %% exercise="one-head-less"

# %%
from attncore.recorded import recorded_induction

found = recorded_induction()
for left_out in ("nothing", "the previous-token head", "10 strongest", "10 others"):
    first, second = found.losses[left_out]
    print(f"without {left_out:24} first half {first:5.2f}   second half {second:5.2f}")

# %% [markdown]
# Chance is ln 49,152 = 10.8. Without (16, 0), the head that looks one token back, the model is nearly lost in the second
# half, and without the ten strongest copying heads it's lost altogether. Ten others, drawn by chance, cost 3.4 nats as well, so
# even the control isn't free. Look at the two that work together.

# %%
from attncore.views.plots import texture
from attncore.views.style import beside

beside(
    texture(found.maps[16, 0], "Where does (16, 0) look?", "key", "query"),
    texture(found.maps[18, 6], "And (18, 6)?", "key", "query"),
)

# %% [markdown]
# The first has its stripe right below the diagonal: every token looks one back. The second rests on the very first
# token for half of the text (we'll come to that), and then it has a stripe of its own, 49 back: the token after the
# earlier occurrence. The first head writes down "I came after *that*", and the second asks "who came after *me*?".

# %%
strongest = np.argsort(-found.scores, axis=None)[:6]
for layer, head in zip(strongest // 9, strongest % 9, strict=True):
    print(f"layer {layer}, head {head}: {found.scores[layer, head]:.2f}")

# %% [markdown]
# Heads 3, 4 and 5 of layer 17 are all among them, and they share one key head: that's grouped attention, seen from the inside.

# %% [markdown]
# ## Inside: Mary and John
#
# "When Mary and John went to the store, John gave a drink to". Wang et al. (2022a) took this sentence apart in GPT-2.
# What does SmolLM2 do?

# %% exercise="how-it-says-mary"

# %%
from attncore.recorded import recorded_attribution

mary = recorded_attribution()
said = mary.outputs @ mary.unembedding
for head, row in list(zip(mary.heads, said, strict=True))[:5]:
    print(head, "  ".join(f"{word} {x:+.2f}" for word, x in zip(mary.words, row, strict=True)))

# %%
print({word: round(p, 3) for word, p in list(mary.next.items())[:3]})
print({word: round(p, 3) for word, p in list(mary.next_without.items())[:3]})

# %% [markdown]
# Without that head John is twenty times as likely, and still far behind. Now leave out each of the 270 heads in turn, over eight
# such sentences, and see how far the right name's lead falls. In one table a head brings zeros instead, in the other
# its own mean over the sentences.

# %%
from attncore.recorded import recorded_ablation

without = recorded_ablation()
beside(
    texture(without.zero.T, "What's lost, with zeros?", "layer", "head"),
    texture(without.mean.T, "And with the mean?", "layer", "head"),
)

# %%
for head in ((23, 3), (16, 0), (0, 0), (1, 3)):
    print(head, f"zeros {without.zero[head]:5.2f}   mean {without.mean[head]:5.2f}")

# %% [markdown]
# Both find (23, 3). Zeros also blame heads in layers 0 and 1 that the mean clears. Such a head brings much the same for every
# token, and the layers above count on it; taking *that* away breaks something that has nothing to do with Mary. Before you
# believe an ablation, ask what was put in the head's place.

# %% [markdown]
# ## Inside: the sink
#
# On that page of *Alice*, four tenths of all weight goes to the first token. Does the model need it?

# %% exercise="half-a-window"

# %%
from attncore.recorded import recorded_sinks

sinks = recorded_sinks()
for (keys, first), loss in sinks.losses.items():
    print(f"{f'{keys} keys, {first} of them first' if keys else 'all keys':25} {loss:.2f}")

# %%
from attncore.views.plots import curves

lengths = {"first token": sinks.first_length, "others": sinks.other_length}
curves(lengths, "How long is what each layer reads?", "layer", "length", log="y")

# %% [markdown]
# In layer 11 the first token's vector grows by a factor of more than a hundred, and stays that long nearly to the end.
# RMS norm divides the length out again; what's left is a direction that hardly depends on the word, and that's what the
# heads can find. Xiao et al. (2023) found that streaming breaks once the first token leaves the window, so they never
# evict the first few.

# %% [markdown]
# ## Your own prompt
#
# The model was taught to answer in a format of turns; without that format it just continues the text. `chat` writes the
# format. Change the question, the temperature, the seed.

# %%
from attncore.smollm2 import chat

writes(chat("Write two sentences about the sea."), 40, temperature=0.7, **mine)

# %% [markdown]
# At temperature 0 it's always the same text, and small models soon repeat themselves. If you have the model, add
# `top_p=0.9`, or take the temperature to 1.5 and see the tail of the vocabulary come up (Holtzman et al., 2019).

# %% [markdown]
# ## The same in PyTorch
#
# One call handles grouped heads and a causal mask. Mind which corner the mask starts from when there's a cache:
#
# ```python
# import torch
# from torch.nn.functional import scaled_dot_product_attention as attend
#
# torch.manual_seed(0)
# query = torch.randn(1, 9, 1, 64)  # one new token, nine heads
# key, value = torch.randn(2, 1, 3, 5, 64)  # five cached, three heads
# right = attend(query, key, value, enable_gqa=True)
# late = attend(query, key, value, is_causal=True, enable_gqa=True)
# print(right.shape, (right - late).abs().max() > 0.1)
# print(torch.allclose(late[0, 0, 0], value[0, 0, 0]))
# ```
#
# ```text
# torch.Size([1, 9, 1, 64]) tensor(True)
# True
# ```
#
# With `is_causal=True` the single query is taken for the first position and sees only the first key: a late bug, in one
# argument.

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 19.

# %% exercise="how-bpe-cuts"

# %% exercise="one-table-at-both-ends"

# %% exercise="four-bits-a-weight"

# %% exercise="as-fast-as-memory"

# %% exercise="right-in-one-pass"

# %% exercise="a-loss-too-good"

# %% exercise="test-an-engine"

# %% exercise="a-point-worse-since-tuesday"

# %% exercise="losses-of-two-tokenizers"

# %% exercise="the-words-at-temperature-zero"

# %% exercise="the-format-of-turns"

# %% exercise="what-one-ablation-shows"

# %% again="what-an-induction-head-is"

# %% again="zero-mean-or-patch"

# %% [markdown]
# ## Say it in two minutes
#
# "You've ported a language model to a new engine. Its first answers look good. How do you convince yourself, and me, that it's
# right?" Two minutes, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "I wouldn't trust the answers. Facts survive many bugs: with the wrong rotary pairs it still says Paris. So first I compare
# logits with a reference on a few prompts, in float32, and look at the largest difference. That finds what's wrong in a whole
# pass, the silent ones too, such as layer norm for RMS norm. Then the late ones: the same text in one pass, in chunks, and token
# by token has to give the same logits, because positions, masks and the cache only come into play there. If a loss is
# suspiciously good, I look for a leak in the mask. Then each function's corners by themselves, since the model never visits
# some of them: long prompts, padded batches, empty rows. And speed last: a decode step reads all weights once, so I compare it
# with the memory's bandwidth."

# %% [markdown]
# ## Roads not taken
#
# Real engines keep the weights packed and batch many users (lesson 18); llama.cpp, whose file format we read, is one of them
# (Gerganov et al., 2023). The model itself was trained on 2 trillion tokens and then on conversations (Allal et al., 2025);
# we've only run it. And "inside" has gone much further than heads: what the feed-forward layers keep, and how features overlap
# in one vector, are fields of their own.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# Nothing more: the next one is the interview, with hunts for several bugs in one model and a mock interview on the
# clock.

# %%
progress()
