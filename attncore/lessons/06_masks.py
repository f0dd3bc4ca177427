# %% [markdown]
# # Masks: who may look at whom
#
# Attention lets every token look at every other. A mask takes some of that away: the future, the padding, another
# text. At the end you can write the masks of every Transformer, and a test that catches one that lets something through.

# %% [markdown]
# **You need** masked softmax (lesson 02), scaled dot-product attention (lesson 04) and `influence` (lesson 05).
# **You get** the causal, padding and prefix masks, their combination, and a detector of leaks.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.masks import causal_mask, combine_masks, leaks_future, padding_mask, prefix_mask
from attncore.self_attention import influence
from attncore.softmax import masked_softmax, softmax
from attncore.views.style import beside
from attncore.views.tables import heat_map, mask_map
from attncore.views.widgets.masks import mask_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## A hidden key gets minus infinity
#
# One query, three keys, and scores chosen so that the weights are easy: 0.6, 0.3 and 0.1. The query must not see the
# first key. There are two places to say so, before the softmax or after it.

# %%
scores = np.log([[6.0, 3.0, 1.0]])
may_attend = np.array([False, True, True])
softmax(scores)

# %% [markdown]
# After the softmax the hidden key has already taken its 0.6. A weight of zero drops that share and gives it to nobody.

# %%
softmax(scores) * may_attend

# %% [markdown]
# So we mask the scores. Minus infinity is the one score whose exponential is exactly zero, and the whole unit goes to
# the keys that are left, still three to one. Vaswani et al. (2017) mask in this place.
#
# $$\text{weights} = \text{softmax}(S + M), \qquad M_{ij} = 0 \text{ if } i \text{ may attend to } j, \text{ else } -\infty$$

# %%
M = np.where(may_attend, 0.0, -np.inf)
softmax(scores + M)

# %% [markdown]
# Could we mask the weights and then divide them by their new sum? On paper that is the same. Try it on scores of which
# one is far ahead.

# %% exercise="mask-after-softmax"

# %%
scores = np.array([[1000.0, 3.0, 3.0]])
late = softmax(scores) * may_attend
with np.errstate(invalid="ignore"):
    print(late, late / late.sum(), softmax(scores + M))

# %% [markdown]
# The hidden score is so far ahead that the allowed weights round to zero before we divide, and nothing is left to share.
# Masked first, it has no say in them.

# %% [markdown]
# ## Causal: nobody sees the future
#
# A language model predicts the next token. Training asks for all predictions of a text at once, row $i$ for token $i +
# 1$, and so row $i$ may see the tokens up to $i$: $j \le i$. That includes itself, which is no answer but the latest
# clue.

# %%
words = "the cat sat on the mat"
x = embed(words)
mask_map(
    causal_mask(6),
    tokens(words),
    tokens(words),
    title="Each word sees itself and what came before it",
)

# %% [markdown]
# The first word has only itself to look at, whatever its scores. The fifth word is "the" again, and splits its attention
# between both. The mask changes what is seen and not how it is compared.

# %%
weights = attention_weights(x, x, causal_mask(6), scale=2)
heat_map(
    weights,
    tokens(words),
    tokens(words),
    title="The first word gives itself everything; no weight lies above the diagonal",
)

# %% [markdown]
# ## The queries are the last positions
#
# In generation the keys of earlier tokens are kept in a cache, and only new tokens bring queries: two queries, five
# keys. The queries are the last two positions, so the rule shifts: $j \le i + (n_k - n_q)$.

# %%
late, text = tokens("on it"), tokens("the dog sat on it")
ours = mask_map(causal_mask(2, 5), late, text, title='Bottom-right: "it" sees all five')
theirs = mask_map(np.tri(2, 5, dtype=bool), late, text, title='Top-left: "on" sees only "the"')
beside(ours, theirs)

# %% [markdown]
# Which one is right? The one that gives the last two rows of a full pass. The other runs without an error, and gives
# other numbers.

# %%
y = embed("the dog sat on it")
full = scaled_dot_product_attention(y, y, y, causal_mask(5))
for mask in (causal_mask(2, 5), np.tri(2, 5, dtype=bool)):
    print(np.allclose(scaled_dot_product_attention(y[-2:], y, y, mask), full[-2:]))

# %% [markdown]
# PyTorch's `scaled_dot_product_attention(..., is_causal=True)` is **top-left** aligned. With as many queries as keys
# that makes no difference; with one new query and a cache it sees the first key alone. Its `causal_lower_right` is the
# other alignment, which FlashAttention uses since version 2.1. One new query needs no causal mask at all: it is last,
# and may see everything.

# %% [markdown]
# ## Padding: nobody sees what is not there
#
# Texts of a batch differ in length, so short ones are filled up. A filler of zeros is not harmless: its score is 0, a
# score like any other, and it takes a share.

# %%
batch = np.zeros((2, 6, 384))
batch[0, :3], batch[1] = embed("the dog slept"), x
short, padded = tokens("the dog slept"), ["the", "dog", "slept", "-", "-", "-"]
weights = attention_weights(batch, batch, scale=2)[0, :3]
heat_map(
    weights, short, padded, title="Padding takes more than a quarter of what the first word gives"
)

# %% [markdown]
# All queries of a text see the same keys. So its mask is a single row, with an axis of length one where the queries go.

# %% exercise="masked-shape"

# %% [markdown]
# The lengths 3 and 6 make one row each, True for words and False for padding, printed here as 1 and 0.

# %%
padding = padding_mask([3, 6], 6)
print(padding.shape)
padding.astype(int)

# %% [markdown]
# What should a padding mask achieve? A text must give the same outputs in a batch as alone. That is the test to write,
# and it passes. The outputs in the padded rows are never read, and the loss must skip them.

# %%
alone = batch[0, :3]
inside = scaled_dot_product_attention(batch, batch, batch, padding)[0, :3]
np.allclose(inside, scaled_dot_product_attention(alone, alone, alone))

# %% [markdown]
# ## Masks combine, and broadcast
#
# A decoder needs both masks: a key is visible where all of them say so. The causal mask is the same for each text, the
# padding the same for each query, and broadcasting makes (b, 1, k) and (q, k) into (b, q, k).

# %%
mask = combine_masks(causal_mask(6), padding)
mask.shape

# %% [markdown]
# Short texts may also share one row instead of being filled up (Krell et al., 2021). Then a token may see only the
# tokens of its own text, a mask of blocks, and causal as before.

# %%
text_of, packed = np.array([0, 0, 0, 1, 1, 1]), tokens("the dog slept she ran off")
blocks = text_of[:, None] == text_of
mask_map(
    combine_masks(causal_mask(6), blocks),
    packed,
    packed,
    title="Two texts in one row: no token sees the other text",
)

# %% [markdown]
# Scores with heads have one axis more, (b, h, q, k), and a mask needs it too. Shapes are matched from the right, so
# without it the texts of a padding mask meet the heads: lesson 07 shows what that does.

# %% [markdown]
# ## Prefix: the question is known
#
# A question is given whole, and only the answer is generated. So the words of the question may look ahead among
# themselves, since nobody is asked to predict them; the answer stays causal. Raffel et al. (2019) call this mask
# "causal with prefix".

# %%
dialogue = tokens("did she eat bread she did not")
mask_map(
    prefix_mask(7, 4),
    dialogue,
    dialogue,
    title="Everyone sees the four words of the question; the answer is causal",
)

# %% [markdown]
# ## A row with nothing allowed
#
# Put the padding in front, as one does to generate for a batch, and combine it with the causal mask. The padded rows may
# see nothing: what comes before them is padding, and what comes after is future.

# %%
front = padding_mask([2], 4)[..., ::-1]
names = ["-", "-", "she", "ran"]
mask_map(
    combine_masks(causal_mask(4), front)[0],
    names,
    names,
    title="With padding in front, two rows are empty",
)

# %% [markdown]
# Such a row has three possible outcomes. Minus infinity, with the row's maximum subtracted as usual, makes NaN. A large
# finite number makes all scores equal, and the output is the **mean of everything** that is forbidden. This course
# gives zeros.

# %%
print(-np.inf - -np.inf)
print(softmax(np.full(4, -1e9)))
print(softmax(np.full(4, -np.inf)))

# %% [markdown]
# One row of NaN does not stay alone. In the next layer it is a value, and a weight of zero does not hide it, since 0
# times NaN is NaN.

# %%
np.array([0.0, 1.0]) @ np.array([np.nan, 5.0])

# %% [markdown]
# ## Minus infinity, or only very large
#
# Much code uses $-10^9$ to escape NaN. In float16, whose largest number is 65504, that is minus infinity again;
# PyTorch's `masked_fill` refuses it there.

# %%
with np.errstate(over="ignore"):
    print(float(np.float16(-1e9)), float(np.finfo(np.float16).max))

# %% [markdown]
# Some code adds $-10^9$ to the scores instead of replacing them. What an empty row gives then depends on the dtype.
# Float64 still holds the scores, and softmax ignores the shift: as if there were no mask. In float32 neighbouring
# numbers near $10^9$ lie 64 apart, the scores vanish, and we get the mean.

# %%
scores = np.log([6.0, 3.0, 1.0])
softmax(scores - 1e9).round(2), softmax(scores.astype(np.float32) - np.float32(1e9)).round(2)

# %% [markdown]
# ## A leak, and how to catch it
#
# A leak is a way from a later token to an earlier output. The test is an experiment: change a later word, and watch the
# earlier outputs. Here "mat" becomes "rug", under the causal mask and then without one.

# %%
other = embed("the cat sat on the rug")
for mask in (causal_mask(6), None):
    change = scaled_dot_product_attention(other, other, other, mask) - scaled_dot_product_attention(
        x, x, x, mask
    )
    print(np.max(np.abs(change), axis=-1) > 1e-9)

# %% [markdown]
# Now paint your own mask. Start from "causal", allow one square above the diagonal, and change the word of its column:
# the outputs that change light up, and the title names the leak.

# %%
mask_picture(scaled_dot_product_attention)

# %% [markdown]
# The experiment finds what reading the code may miss. Take the mask after the softmax, once more: all forbidden weights
# are zero. Yet each hidden score stands in the denominator of its row, and through it every word reaches every output.


# %%
def masked_late(x):
    return attention_weights(x, x) * causal_mask(len(x)) @ x


reached = influence(masked_late, x)
mask_map(
    reached,
    tokens(words),
    tokens(words),
    title="Masked after the softmax, every word reaches every output",
)

# %% [markdown]
# `leaks_future` repeats the experiment for all tokens and answers yes or no. It asks a layer, not a mask, since much
# else can leak: a mean over the whole text, say.


# %%
def centred(x):
    return x - x.mean(axis=0)


leaks_future(masked_late, x), leaks_future(centred, x), leaks_future(np.tanh, x)

# %% [markdown]
# ## Why a leak is so tempting
#
# Take 200 random tokens of ten kinds, which nobody can predict, and a head that has learned to look one place ahead.
# With a mask that is off by one, the next token is there to be copied.

# %%
ids = np.random.default_rng(0).integers(10, size=201)
one_ahead = 50 * np.eye(200, k=1)
for name, k in (("off by one", 1), ("causal", 0)):
    weights = masked_softmax(one_ahead, np.tri(200, k=k, dtype=bool))
    guess = np.argmax(weights @ np.eye(10)[ids[:200]], axis=-1)
    right = guess == ids[1:]
    print(f"{name}: {right.sum()} of 200 right, the last one {bool(right[-1])}")

# %% [markdown]
# With the causal mask the head is no better than chance, one in ten. With the leak it has 199 of 200, and its loss would
# look wonderful, on validation data too. The one wrong row is the last, which has no next token to look at. And
# generation uses nothing but last rows.

# %% [markdown]
# ## True means yes, or no
#
# Libraries disagree on what a boolean mask says. For a mask (q, k) the two conventions of PyTorch look alike, so that
# the wrong one raises no error.
#
# | where | True means |
# |---|---|
# | this course, JAX, PyTorch's `scaled_dot_product_attention` | may attend |
# | PyTorch's `nn.MultiheadAttention`: `attn_mask` and `key_padding_mask` | hidden |
#
# Tokenizers of Hugging Face return an `attention_mask` of integers: 1 is a token, 0 is padding. A float mask
# is added to the scores in both of PyTorch's.

# %%
mask_map(
    ~causal_mask(6),
    tokens(words),
    tokens(words),
    title="Read the other way: only the future, and for the last word nothing",
)

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. True means may attend, and booleans are asked for. `check` compares with
# the reference on many inputs; `hint` opens the next hint.

# %% exercise="causal_mask"

# %% exercise="padding_mask"

# %% exercise="prefix_mask"

# %% exercise="combine_masks"

# %% exercise="leaks_future"

# %% exercise="fix_new_tokens"

# %% exercise="fix_prompt_batch"

# %% exercise="fix_answering"

# %% exercise="causal-count"

# %% exercise="visible-keys"

# %% exercise="mask-bytes"

# %% [markdown]
# In this picture the preset "causal" is your own function. Until it is right, a changed word may light up a row that it
# should not reach.

# %%
mask_picture(scaled_dot_product_attention, causal_mask)

# %% [markdown]
# ## Roads not taken
#
# A mask need not be an array: a fused kernel, one GPU program for the whole of attention, works it out from two
# positions, and skips the blocks that are wholly hidden. That is where causal attention saves half its work; a mask on
# finished scores saves none (lesson 14). A float mask need not be all or nothing: ALiBi lowers scores with distance
# (lesson 08).

# %% [markdown]
# ## Say it in two minutes
#
# A mask says which keys a query may see. It acts on the scores: minus infinity before the softmax gives a weight of
# exactly zero, and the rest still sums to one. Causal hides what comes later, and with a cache the queries are the last
# positions. Padding hides keys that are not text; combined masks must all allow. An empty row gives NaN, a mean or
# zeros, so decide which. I test for leaks by changing a later token and watching earlier outputs, and I look up what
# True means before I pass a mask to a library.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="mask-scores-not-weights"

# %% exercise="how-to-test-for-leaks"

# %% exercise="two-boolean-conventions"

# %% exercise="finite-or-infinite"

# %% exercise="left-or-right-padding"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know the shapes (q, k) and (b, 1, k), and where an axis for the heads goes. There, attention runs in several
# heads at once, under one mask for all of them.

# %%
progress()
