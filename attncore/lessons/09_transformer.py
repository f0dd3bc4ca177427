# %% [markdown]
# # The Transformer: encoder, decoder, cross-attention
#
# Around attention we put a norm, an addition and two plain layers, and have a block. With one mask it is BERT, with
# another GPT, and with a second attention it translates. At the end you have written all three and what they are
# trained on, and you have seen a GPT whole, from ids to its loss.

# %% [markdown]
# **You need** masks (lesson 06), multi-head attention (07) and positions (08).
# **You get** the three families, in functions of a few lines, and two kinds of training targets; lesson 10 stacks the
# encoder.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import HeadWeights, merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask, leaks_future, prefix_mask
from attncore.recorded import recorded_maps
from attncore.transformer import (
    DecoderWeights,
    EncoderWeights,
    FeedForwardWeights,
    NormWeights,
    corrupt_tokens,
    cross_attention,
    decoder_block,
    encoder_block,
    feed_forward,
    gelu,
    layer_norm,
    mask_for,
    next_token_targets,
)
from attncore.views.tables import heat_map, mask_map
from attncore.views.widgets.transformer import zoo_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## Attention alone is not enough
#
# What happens if we only attend, again and again? Six layers of untrained attention, twelve heads each, read six
# words, scaled so that their numbers spread by about one. We measure how alike the tokens are, by the smallest cosine
# between any two of them.


# %%
def least_alike(x):
    unit = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return float(np.min(unit @ unit.T).round(3))


x = 16 * embed("the cat sat on the mat")
least_alike(x)

# %% [markdown]
# Before the first layer there are two words with next to nothing in common. Then every layer takes means, and the next
# one means of means.

# %%
rng = np.random.default_rng(0)
stack = [HeadWeights(*rng.standard_normal((4, 384, 384)) / np.sqrt(384)) for _ in range(6)]
attended = x
for layer, heads in enumerate(stack, start=1):
    attended = multi_head_attention(attended, attended, attended, heads, 12)
    print(layer, least_alike(attended))

# %% [markdown]
# After three layers all six tokens point the same way, to three decimals. Attention alone forgets which word is which,
# and does so doubly exponentially in its depth (Dong et al., 2021). The addition and the feed-forward layers prevent it.

# %% [markdown]
# ## Add, do not replace
#
# The addition comes from networks that read images (He et al., 2015). A layer $f$ does not replace x: what it finds is
# added to x. We run the same six layers so.
#
# $$x \leftarrow x + f(x)$$

# %%
stream = x
for heads in stack:
    stream = stream + multi_head_attention(stream, stream, stream, heads, 12)
print(f"{least_alike(stream)} alike, spread {x.std():.1f} before and {stream.std():.1f} after")

# %% [markdown]
# The tokens still differ: each is what it was, plus something. What is carried from layer to layer is called the
# **residual stream**. But it has become more than four times as large, and the scores of the next attention grow with
# its square.

# %% [markdown]
# ## A norm for every token
#
# The layer norm has another task: it keeps the size of what a layer reads (Ba et al., 2016). Every vector gets mean 0
# and variance 1, then a learned gain $g$ and bias $b$. Mean $\mu$ and variance $\sigma^2$ are those of one token's own
# numbers.
#
# $$\text{norm}(x) = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, g + b$$

# %%
gain, bias = np.ones(2), np.zeros(2)
layer_norm(np.array([[1.0, 3.0], [10.0, 30.0], [101.0, 103.0]]), gain, bias).round(3)

# %% [markdown]
# Three tokens, one result: neither scale nor shift is left. By hand for the first: the mean is 2, the variance 1,
# divided by 2 and not by 1. What if there is no variance at all?

# %% exercise="constant-token"

# %%
layer_norm(np.array([7.0, 7.0, 7.0]), np.ones(3), np.array([0.1, 0.2, 0.3]))

# %% [markdown]
# No other token takes part: not the rest of the text, not the rest of the batch. A norm over the tokens would be a
# leak, as in lesson 06.

# %%
unit, zero = np.ones(384), np.zeros(384)
leaks_future(lambda z: layer_norm(z, unit, zero), x), leaks_future(lambda z: z - z.mean(axis=0), x)

# %% [markdown]
# Against the collapse it does not help. With a norm after each of the first three layers, and no addition, the tokens
# grow alike nearly as fast:

# %%
normed = x
for heads in stack[:3]:
    normed = layer_norm(multi_head_attention(normed, normed, normed, heads, 12), unit, zero)
    print(least_alike(normed))

# %% [markdown]
# ## Each token by itself
#
# Attention moves information between tokens. The feed-forward layers work on what has arrived: two layers with a bend
# between them, the same for every token (Vaswani et al., 2017). The bend here is the GELU (Hendrycks and Gimpel,
# 2016): x times the share of a standard normal distribution below x.

# %%
gelu(np.array([-3.0, -1.0, 0.0, 1.0, 3.0])).round(3)

# %% [markdown]
# Far below zero it gives next to nothing, far above it gives x. Two such neurons can do what no matrix can: an
# absolute value. One fires where the first number is positive, the other where it is negative, and both write to the
# second entry.
#
# $$\text{ff}(x) = \text{gelu}(x W_\text{in} + b_\text{in})\, W_\text{out} + b_\text{out}$$

# %%
W_in = np.array([[10.0, -10.0], [0.0, 0.0]])
W_out = np.array([[0.0, 0.1], [0.0, 0.1]])
absolute = FeedForwardWeights(W_in, np.zeros(2), W_out, np.zeros(2))
feed_forward(np.array([[3.0, 0.0], [-2.0, 0.0]]), absolute)

# %% [markdown]
# Each neuron is a pair: a column of W_in that it listens for, a row of W_out that it writes. Where attention looks up
# in the text, these layers look up in their weights (Geva et al., 2021). By habit the inner width is 4 m, and so they
# have twice the weights of the attention.

# %%
m, f = 768, 4 * 768
attention, layers = 4 * m * m, 2 * m * f
attention, layers, layers / (attention + layers)

# %% [markdown]
# ## The block
#
# A block has two parts, attention and feed-forward. Each reads the normalized stream and writes to the stream itself.
# With $z = \text{norm}_1(x)$:
#
# $$x \leftarrow x + \text{attention}(z, z, z), \qquad x \leftarrow x + \text{ff}(\text{norm}_2(x))$$

# %% exercise="silent-block"

# %% [markdown]
# We make six blocks of the size of the model in lesson 20: width 384, inner width 1,536. The weights are random,
# divided by the square root of how many numbers they add up.


# %%
def drawn(rows, columns):
    return rng.standard_normal((rows, columns)) / np.sqrt(rows)


def random_block():
    heads = HeadWeights(*(drawn(384, 384) for _ in range(4)))
    layers = FeedForwardWeights(drawn(384, 1536), np.zeros(1536), drawn(1536, 384), zero)
    return EncoderWeights(NormWeights(unit, zero), heads, NormWeights(unit, zero), layers)


blocks = [random_block() for _ in range(6)]

# %% [markdown]
# Your prediction, on real words: in the first of the blocks we set to zero what both parts write with. It gives x
# back, to the last bit.

# %%
first = blocks[0]
no_heads = first.attention._replace(W_output=np.zeros((384, 384)))
no_layers = first.feed_forward._replace(W_out=np.zeros((1536, 384)))
silent = first._replace(attention=no_heads, feed_forward=no_layers)
np.array_equal(encoder_block(x, silent, 12), x)

# %% [markdown]
# ## Where the norm stands
#
# Vaswani et al. (2017) put the norm **after** the addition, norm(x + f(x)): post-norm, and so do BERT and the first
# GPT. GPT-2 (Radford et al., 2019) and most models since put it in the branch: pre-norm, as we do. We run both on our
# six blocks.


# %%
def post_norm_block(x, weights):
    x = layer_norm(x + multi_head_attention(x, x, x, weights.attention, 12), unit, zero)
    return layer_norm(x + feed_forward(x, weights.feed_forward), unit, zero)


pre = post = x
for block in blocks:
    pre, post = encoder_block(pre, block, 12), post_norm_block(post, block)
    print(f"size {pre.std():.2f} and {post.std():.2f}")

# %% [markdown]
# The pre-norm stream grows, so each block changes it relatively less. One more norm is needed at the end, the **final
# norm**, for whatever reads the stream there.

# %%
float(layer_norm(pre, unit, zero).std().round(2))

# %% [markdown]
# The post-norm stream stays at 1, but every block squeezes the input again. How much of x is left after six blocks? We
# take the correlation of input and output, pre-norm first.

# %%
flat = x.ravel()
[float((np.corrcoef(flat, out.ravel())[0, 1]).round(2)) for out in (pre, post)]

# %% [markdown]
# The pre-norm stack has a way from bottom to top that consists of additions only. The gradient takes it too, which is
# why pre-norm trains deep stacks. Xiong et al. (2020) show that in post-norm the gradients near the output are large
# at the start, so that it needs a warm-up, small learning rates in the first steps, and that pre-norm trains without.

# %% [markdown]
# ## One block, three masks
#
# The block does not know whether it reads or writes; its mask says so. An **encoder** sees everything: BERT. A
# **decoder** is causal: GPT. Between them stands lesson 06's prefix mask.

# %%
for family in ("bert", "gpt"):
    mask = mask_for(family, 6)
    print(family, leaks_future(lambda z, mask=mask: encoder_block(z, first, 12, mask), x))

# %% [markdown]
# That an encoder sees the future is no fault: it is not asked for the next token. What does it gain? A trained one,
# all-MiniLM-L6-v2, has read our sentence, and its maps are recorded. Here is the share of each word's attention that
# goes to later words, as a mean over all layers and heads.

# %%
recorded = recorded_maps()["The cat sat on the mat"]
later = np.triu(recorded.maps.mean(axis=(0, 1))[1:-1, 1:-1], k=1).sum(axis=-1)
for word, share in zip(recorded.tokens[1:-1], later, strict=True):
    print(f"{word:<4}{share:.2f}")

# %% [markdown]
# A causal mask would take all of that away: 36% of what the first "the" gives, and no less than 13% for any word but
# the last. (The rest goes to words before, to itself, and to the two marks that this model puts around a text, which
# we left out.)

# %% exercise="whole-prefix"

# %% [markdown]
# So the three are one family with a single number: how many tokens all may see. With none it is GPT, with all it is
# BERT.

# %%
for prefix, family in ((0, "gpt"), (6, "bert")):
    print(family, np.array_equal(mask_for("prefix", 6, prefix), mask_for(family, 6)))

# %% [markdown]
# ## Two texts: who asks, and who answers
#
# A translator has two texts: the source, read by an encoder, and its own, which it writes. The writer asks the source.
# So queries come from x, keys and values from the encoder's output, the **memory** $M$.
#
# $$\text{cross}(x, M) = \text{multi-head}(Q = x,\; K = M,\; V = M)$$

# %% exercise="cross-attention-shape"

# %% [markdown]
# We have met it before. The alignment of lesson 03 is cross-attention with another score, and in lesson 04 four words
# asked six others. Here three words ask a short text, each as a raw vector.

# %%
asking, memory = "cat money woman", "the dog slept on the bank because she paid"
weights = attention_weights(embed(asking), embed(memory), scale=4)
heat_map(
    weights,
    tokens(asking),
    tokens(memory),
    title='"cat" finds "dog", "money" finds "bank", "woman" finds "she"',
)

# %% [markdown]
# A text that asks itself is the old case. Cross-attention to one's own text **is** self-attention.

# %%
itself = cross_attention(x, x, first.attention, 12)
np.array_equal(itself, multi_head_attention(x, x, x, first.attention, 12))

# %% [markdown]
# The decoder block of Vaswani et al. is our block with this attention in the middle: look back at the own text,
# causally; look at the memory, all of it; think. Three norms, three additions, one row for each written word, and no
# leak.

# %%
norm = first.attention_norm
translator = DecoderWeights(
    attention_norm=norm,
    attention=first.attention,
    cross_norm=norm,
    cross=blocks[1].attention,
    feed_forward_norm=norm,
    feed_forward=first.feed_forward,
)
source = 16 * embed("the dog slept on the rug because it was tired")
print(decoder_block(x, source, translator, 12).shape)
leaks_future(lambda z: decoder_block(z, source, translator, 12), x)

# %% [markdown]
# Take the memory away and a GPT block remains: an encoder's block under a causal mask. That is all that "decoder-only"
# means.

# %%
deaf = translator._replace(cross=translator.cross._replace(W_output=np.zeros((384, 384))))
gpt = encoder_block(x, first, 12, mask_for("gpt", 6))
np.allclose(decoder_block(x, source, deaf, 12), gpt)

# %% [markdown]
# ## A block of today
#
# Llama (Touvron et al., 2023a) has the same block with other parts. **RMSNorm** (Zhang and Sennrich, 2019) takes no mean
# away and has no bias. **SwiGLU** (Shazeer, 2020) has two inner layers, one of which gates the other: its bend is x
# times the sigmoid of x.


# %%
from attncore import yours
from attncore.positions import apply_rotary, sinusoidal_positions
from attncore.transformer import SwigluWeights

# %% exercise="rms_norm"

# %% exercise="swiglu"

# %%
yours.rms_norm(np.array([[1.0, 3.0], [10.0, 30.0], [101.0, 103.0]]), np.ones(2)).round(3)

# %% [markdown]
# The three tokens of the layer norm: the scale is gone, the shift is left. SwiGLU has three matrices where we had two.
# To keep the weights at $8 m^2$ the inner width is $\frac83 m$ in place of $4 m$, in Llama 2 7B rounded up to 11,008:

# %%
m = 4096
8 / 3 * m, 3 * m * 11_008 / (8 * m * m)

# %% [markdown]
# Positions come as rotary, in every layer, and no projection has a bias. Llama 2 70B and Llama 3 also let several heads
# share keys and values, which is lesson 13. All else we know:


# %%
def llama_block(x, heads, layers):
    z = yours.rms_norm(x, unit)
    query, key, value = (split_heads(z @ W, 12) for W in heads[:3])
    query, key = (apply_rotary(turned, np.arange(len(x))) for turned in (query, key))
    found = scaled_dot_product_attention(query, key, value, causal_mask(len(x)))
    x = x + merge_heads(found) @ heads.W_output
    return x + yours.swiglu(yours.rms_norm(x, unit), layers)


layers = SwigluWeights(drawn(384, 1024), drawn(384, 1024), drawn(1024, 384))
leaks_future(lambda z: llama_block(z, first.attention, layers), x)

# %% [markdown]
# ## GPT trains on the next token
#
# What does a text teach? For GPT every token has a target, the one that follows (Radford et al., 2018). Inputs and
# targets are the same text, one position apart.

# %%
story = tokens("the dog slept because it was too tired")
inputs, targets = next_token_targets(np.arange(len(story)))
for i, j in zip(inputs, targets, strict=True):
    print(f"{' '.join(story[: i + 1]):<32} -> {story[j]}")

# %% [markdown]
# Seven examples, and one pass computes them all: under the causal mask row i is what it would be if the text ended
# there. Each example is given the **true** words before it, whatever the model would have written: teacher forcing.
# Writing has no such luxury, and goes token by token.

# %%
whole = encoder_block(x, first, 12, mask_for("gpt", 6))
alone = encoder_block(x[:3], first, 12, mask_for("gpt", 3))
np.allclose(whole[2], alone[2])

# %% [markdown]
# Here is the whole of it, from ids to a score for each possible next token, the **logits**: a table of embeddings with
# positions added (lesson 08), causal blocks, the final norm, and a product with the table again.

# %%
E = embed(" ".join(story))


def next_token_logits(ids):
    z = 384**0.5 * E[ids] + sinusoidal_positions(len(ids), 384)
    for block in blocks:
        z = encoder_block(z, block, 12, mask_for("gpt", len(ids)))
    return layer_norm(z, unit, zero) @ E.T


logits = next_token_logits(inputs)
logits.shape

# %% [markdown]
# Seven tokens, and a logit for each word of a vocabulary of eight. The one table serves at both ends: **weight tying**
# (Press and Wolf, 2016), as in GPT-2; Llama 3 8B has a second matrix. The loss is minus the log-probability of the
# target, as a mean over the positions, and **perplexity** is e to that loss.

# %%
from attncore.softmax import log_softmax

log_p = log_softmax(logits)
loss = -log_p[np.arange(7), targets].mean()
print(f"loss {loss:.2f}, perplexity {np.exp(loss):.1f}; guessing: {np.log(8):.2f} and {8:.1f}")

# %% [markdown]
# Perplexity is the number of words between which a fair guess would be as unsure. Ours is far worse than guessing. Which
# words does the model say?

# %%
print(*(story[i] for i in logits.argmax(axis=-1)))

# %% [markdown]
# Those that it has just read. Nothing is trained, the stream still carries each input word, and the table finds it
# again. Real models begin with small embeddings, and so near the loss of guessing.

# %% [markdown]
# ## BERT fills in the blanks
#
# With BERT's mask every token sees the next one, and predicting it is copying. So something has to be taken out.
# Devlin et al. (2018) choose 15% of the tokens. Of those, 80% become [MASK], 10% a random token, and 10% stay as they
# are.

# %%
names = ["[MASK]", *story]
ids = np.arange(1, len(names))
inputs, targets = corrupt_tokens(
    ids, np.random.default_rng(8), rate=0.5, mask_id=0, vocab_size=len(names)
)
print(*(names[i] for i in inputs))
print(*("-" if t == -100 else names[t] for t in targets))

# %% [markdown]
# We chose half, so that eight words show something. The first line is what the model reads, the second what it is to
# say; a dash has no target, -100 in the array, and the loss skips it. Of the five that
# were chosen four are masked, and where "too" stood the model reads a random "slept".

# %% [markdown]
# Now 100,000 tokens at 15%, with BERT's numbers: 103 is the id of [MASK], and random ids lie below 30,522. Our ids begin
# at 50,000, so that none can be mistaken for either.

# %%
ids = np.arange(100_000) + 50_000
inputs, targets = corrupt_tokens(ids, np.random.default_rng(0))
chosen = targets != -100
masked, kept = (inputs == 103)[chosen].mean(), (inputs == ids)[chosen].mean()
print(f"{chosen.mean():.3f} chosen: {masked:.2f} masked, {kept:.2f} kept")

# %% [markdown]
# Why not the mask always? In use there is no mask in the text. A model that is asked only at masks need not think
# about any other token. With 10% random and 10% kept, any word may be wrong, and each must be weighed against its
# neighbors.

# %% [markdown]
# The price is the number of targets: 15% of the text, where GPT has all tokens but one. The gain is that each target
# is predicted from both sides.

# %% [markdown]
# **T5** (Raffel et al., 2019) joins the two. Spans of three tokens on average, 15% in all, are taken out of the
# source, and a mark stands for each. The encoder reads what is left, and the decoder writes, as next tokens, what was
# missing. Here each span is one word.
#
# | | |
# |---|---|
# | encoder reads | the dog X because it was Y tired |
# | decoder writes | X slept Y too Z |

# %% [markdown]
# ## Who trains on what
#
# A mask and a way to train belong together. In this picture you may part them: give BERT's mask the next word to
# predict, and see what is orange. Then train GPT's mask on masked words, look at the encoder-decoder's three masks,
# and move the prefix.

# %%
zoo_picture()

# %% [markdown]
# Orange is an answer in plain sight: the model can copy it, and learns to copy. Among masked words that happens only
# where the word itself stands there, kept or drawn by chance. The three masks of the encoder-decoder, joined, are the
# prefix mask, with the source as the prefix. A decoder-only model with a prompt does the same job in one stack,
# usually causal throughout.

# %% [markdown]
# ## Which family for which task
#
# | task | is the output text? | family | mask |
# |---|---|---|---|
# | sentiment of a review | no, a label | encoder (BERT) | all but padding |
# | find similar texts, rerank | no, a vector or a score | encoder | all but padding |
# | mark the answer in a passage | no, a start and an end | encoder | all but padding |
# | summary, translation | yes | encoder-decoder (T5), or decoder-only | all for the source, causal for the text |
# | open questions, dialogue, code | yes | decoder-only (GPT) | causal |

# %% [markdown]
# Two questions decide: is the input whole before we answer, and is the answer text? One large decoder does every row by
# prompting. For a label on ten million reviews a small encoder is still right.

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. Weights come as NamedTuples, so that `weights.attention` are the heads
# and `layer_norm(x, *weights.attention_norm)` is a norm with its gain and bias. `check` compares with the reference on
# many inputs; `hint` opens the next of three hints.

# %% exercise="layer_norm"

# %% exercise="feed_forward"

# %% exercise="encoder_block"

# %% exercise="cross_attention"

# %% exercise="decoder_block"

# %% exercise="mask_for"

# %% [markdown]
# The masks in this picture are those of your own function. Until it is right, watch the count of pairs, and what turns
# orange.

# %%
zoo_picture(mask_for)

# %% exercise="corrupt_tokens"

# %% exercise="next_token_targets"

# %% exercise="gpt_logits"

# %% exercise="sample_token"

# %% exercise="generate"

# %% exercise="fix_gpt_logits"

# %% exercise="fix_translator"

# %% exercise="fix_masked_pair"

# %% exercise="bert-block-parameters"

# %% exercise="decoder-block-weights"

# %% exercise="feed-forward-share-of-gpt2"

# %% exercise="tokens-bert-learns-from"

# %% [markdown]
# ## Roads not taken
#
# GPT-J and PaLM (Chowdhery et al., 2022) run attention and feed-forward in parallel. In a
# mixture of experts each token is sent to a few of many feed-forward layers (Shazeer et al., 2017). XLNet (Yang et
# al., 2019) predicts in random orders, and so sees both sides without a mask token.

# %% [markdown]
# ## Say it in two minutes
#
# A block is attention between the tokens, then feed-forward layers for each token. Each part reads a normalized stream
# and adds to the stream: pre-norm. The feed-forward layers hold two thirds of its weights, $8 m^2$ of $12 m^2$. The
# mask makes the family. BERT sees everything and learns to fill in 15% of the tokens; GPT is causal and learns from
# every next token, all in one pass. An encoder-decoder has a causal writer that asks the encoder's output by
# cross-attention: queries from the text, keys and values from the memory. At the top stand a final norm and a product
# with the embeddings; the loss is minus the log-probability of the next token. For labels and vectors take an encoder;
# for text, something causal.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="encoder-or-decoder"

# %% exercise="who-asks-and-who-answers"

# %% exercise="pre-norm-or-post-norm"

# %% exercise="masked-or-next-token"

# %% exercise="from-ids-to-next-token"

# %% exercise="draw-llamas-block"

# %% exercise="which-family-for-which-task"

# %% exercise="why-decoder-only"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write a pre-norm block from memory, and say what changes between an encoder and a decoder. There, an
# encoder with no mask at all reads something that is no text: the patches of a photograph.

# %%
progress()
