# %% [markdown]
# # The Transformer: encoder, decoder, cross-attention
#
# Take eight random tokens and send them through twelve untrained blocks of attention and small neural networks. Each layer's
# output takes the place of its input. How different will the eight be when they come out?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.experiments.transformer import cosine_experiment, stack_experiment
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask, prefix_mask
from attncore.softmax import softmax
from attncore.transformer import FeedForwardWeights, NormWeights, gelu
from attncore.views.plots import curves, loss_curves
from attncore.views.style import beside
from attncore.views.tables import bars, heat_map, mask_map

# %% exercise="stacked-layers"

# %% [markdown]
# ## Add, don't replace
#
# To measure that, take the cosine of every two tokens, and average. At 1 all tokens point the same way.

# %%
alike = {kind: found[:, 1] for kind, found in cosine_experiment().items()}
curves({"replaced": alike["no addition"]}, "How alike are eight tokens?", "block", "mean cosine")

# %% [markdown]
# After two blocks you can hardly tell the tokens apart. Dong et al. (2021) prove it for attention alone: the tokens
# collapse doubly exponentially with depth. This stack has feed-forward layers as well, and here they don't help.
#
# What helps is to keep what was there. A layer $f$ only adds what it has found, an idea from networks that read images (He
# et al., 2015):
#
# $$x \leftarrow x + f(x)$$
#
# This is a **residual connection**, and what it carries from layer to layer is the **residual stream**. There are two
# ways to put a normalization beside it, and we'll get to both. How far do the tokens collapse now?

# %%
curves(alike, "How alike are they, if layers add?", "block", "mean cosine")

# %% [markdown]
# Adding slows the collapse but doesn't stop it, and how you normalize matters.

# %% [markdown]
# ## A norm for every token
#
# If every layer adds to the stream, the stream grows, and what the next layer reads gets larger and larger. A **layer norm**
# fixes the size of what's read (Ba et al., 2016). It gives each token mean 0 and variance 1, then a learned gain $g$ and bias $b$:
#
# $$\text{norm}(x) = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, g + b$$
#
# The mean $\mu$ and the variance $\sigma^2$ are those of the token's own numbers. (It divides by $n$, like `np.var`, not
# by $n - 1$.)

# %% exercise="layer-norm-by-hand"

# %% exercise="constant-token"

# %% exercise="layer_norm"

# %%
ones, zeros = np.ones(4), np.zeros(4)
three = np.array([[10.0, 4, 4, 2], [100, 40, 40, 20], [110, 104, 104, 102]])
yours.layer_norm(three, ones, zeros).round(3)

# %% [markdown]
# The second token is ten times the first, the third is the first plus 100, and you can't tell them apart any more. Neither
# scale nor shift gets through.
#
# Why along the token's own numbers, and not along the sequence? Below is one norm of each kind, on six tokens. We
# change the last token and see how far the five before it move.


# %%
def over_the_tokens(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


before = np.random.default_rng(0).standard_normal((6, 4))
after = np.vstack([before[:-1], before[-1:] + 1])
norms = {
    "each token": lambda x: yours.layer_norm(x, ones, zeros),
    "over the tokens": over_the_tokens,
}
for name, norm in norms.items():
    print(f"{name:15} {np.abs(norm(after) - norm(before))[:-1].max():.3f}")

# %% [markdown]
# A norm over the tokens carries the future into the past: it's a leak, like those of lesson 06, and no mask can stop
# it.

# %% [markdown]
# ## Each token by itself
#
# Attention moves information between tokens. A **feed-forward layer**, also called the MLP, then works on each token alone:
# it makes the token wider, applies an **activation function**, and makes it narrow again (Vaswani et al., 2017).
#
# $$\text{ff}(x) = \text{gelu}(x W_\text{in} + b_\text{in})\, W_\text{out} + b_\text{out}$$
#
# The four arrays come together, as `weights.W_in`, `weights.b_in`, `weights.W_out` and `weights.b_out`.

# %% exercise="without-activation"

# %% [markdown]
# The first Transformer used the ReLU. BERT and GPT-2 use the GELU, $x$ times the share of a standard normal
# distribution that lies below $x$ (Hendrycks and Gimpel, 2016). Llama uses the SiLU, $x$ times the sigmoid of $x$
# (Elfwing et al., 2017).

# %%
from attncore.transformer import silu

z = np.linspace(-4, 4, 81)
shapes = {"ReLU": np.maximum(z, 0), "GELU": gelu(z), "SiLU": silu(z)}
curves(shapes, "Three activation functions", "x", "output", z)

# %% exercise="feed_forward"

# %% [markdown]
# What's the wide layer for? Take two neurons. One listens for a positive first number, the other for a negative one, and both
# write what they find into the second entry. Which function of the first number is that?

# %%
W_in = np.array([[10.0, -10.0], [0.0, 0.0]])
W_out = np.array([[0.0, 0.1], [0.0, 0.1]])
pair = FeedForwardWeights(W_in, np.zeros(2), W_out, np.zeros(2))
yours.feed_forward(np.array([[3.0, 0.0], [-2.0, 0.0], [0.5, 0.0]]), pair).round(3)

# %% [markdown]
# It's nearly the absolute value (the factor of 10 sharpens the GELU's bend), which no single matrix can compute. Geva et
# al. (2021) read every feed-forward layer this way: a column of W_in is a pattern that a neuron listens for, and a row of
# W_out is what it writes.

# %% [markdown]
# ## The block
#
# Now put it together. A block has two parts, attention and the feed-forward layers. Each part reads the stream through a
# norm of its own, and adds its result to the stream:
#
# $$x \leftarrow x + \text{attention}(\text{norm}_1(x)), \qquad x \leftarrow x + \text{ff}(\text{norm}_2(x))$$
#
# The weights come as nested NamedTuples, a norm and a part each: `weights.attention_norm` and `weights.attention`, the four
# matrices of lesson 07, then `weights.feed_forward_norm` and `weights.feed_forward`. A norm has a gain and a bias, so
# `yours.layer_norm(x, *weights.attention_norm)` is all of it.

# %% exercise="encoder_block"

# %% [markdown]
# You'll be asked to count what you've just written. Two thirds of a block is feed-forward, $8 m^2$ of $12 m^2$. That's
# the answer for the whiteboard; now for the exact one.

# %% exercise="bert-block-parameters"

# %% exercise="feed-forward-share-of-gpt2"

# %% [markdown]
# This is all of GPT-2. Walk up the trunk with the arrow keys, then press "Run forward" and watch the stream grow. The
# diamond is what *your* block makes of a small random model's input. "Exchange the parts" turns it into another model.

# %%
from attncore.views.explorables.whole import whole

whole("gpt2", function=yours.encoder_block)

# %% [markdown]
# ## Where the norm stands
#
# In your block the norm sits in the branch, before each part. That's **pre-norm**, as in GPT-2 (Radford et al., 2019)
# and most models since. Vaswani et al. (2017) put it after the addition, and so does BERT. That's **post-norm**:
#
# $$x \leftarrow \text{norm}(x + f(x))$$

# %% exercise="silent-block"

# %% [markdown]
# So a pre-norm stack has a path from bottom to top that's made of additions alone, and a post-norm stack has none. Does it matter?

# %% exercise="deep-from-the-start"

# %% [markdown]
# Twelve blocks, six tokens to turn around, same start, same batches, same learning rate. It takes about ten seconds.

# %%
loss_curves(stack_experiment().losses, "Who learns to turn a sequence around?")

# %% [markdown] folded="What this shows, and what it doesn't"
# The post-norm stack stays at 2.08, the logarithm of 8: it guesses among eight ids. That's true of these twelve blocks
# at a learning rate of 0.01. Post-norm models do train (BERT is one), and the usual recipe is a **warm-up**: a learning
# rate that starts near zero. Xiong et al. (2020) explain it by the gradients (lesson 11): at the start of training,
# those of a post-norm model are large near the output. In pre-norm they aren't, so it trains without a warm-up.

# %% [markdown]
# Pre-norm has its price. Nothing ever normalizes the stream itself, so it grows, and later blocks change it relatively
# less. Whatever reads it at the end needs one more norm, the **final norm**. Forget that in a port, and the logits come out far too large.

# %% [markdown]
# ## One block, three masks
#
# Nothing in your block knows whether it belongs to BERT or to GPT. The mask decides. An **encoder** sees everything:
# that's BERT (Devlin et al., 2018). A **decoder** is causal: that's GPT. Between the two lies the prefix mask of lesson
# 06.

# %% exercise="whole-prefix"

# %% exercise="mask_for"

# %%
words = ["the", "dog", "slept", "because", "it", "was"]
pictures = [
    mask_map(yours.mask_for(family, 6, prefix), words, words, f"{family}: who sees whom?")
    for family, prefix in (("bert", 0), ("prefix", 3), ("gpt", 0))
]
beside(*pictures)

# %% [markdown]
# What does an encoder do with its freedom? Let's ask a trained one, all-MiniLM-L6-v2, whose heads are recorded. How
# much of each word's attention goes to words that come *later*, averaged over all 72 heads?

# %%
from attncore.recorded import recorded_maps

recorded = recorded_maps()["The cat sat on the mat"]
later = np.triu(recorded.maps.mean(axis=(0, 1))[1:-1, 1:-1], k=1).sum(axis=-1)
bars(later, recorded.tokens[1:-1], "How much attention goes to later words?", top=0.5)

# %% [markdown]
# A causal mask would take all of that away. (The rest goes to the word itself, to earlier words, and to the two special
# tokens around the text.) The price is that such a model can't be trained on the next token, since every token sees it.

# %% [markdown]
# ## GPT trains on the next token
#
# For GPT every token has a target, the one that follows (Radford et al., 2018). Inputs and targets are the same text, one
# position apart.

# %% exercise="next_token_targets"

# %%
story = [*words, "too", "tired"]
inputs, targets = yours.next_token_targets(np.arange(len(story)))
for i, j in zip(inputs, targets, strict=True):
    print(f"{' '.join(story[: i + 1]):<32} -> {story[j]}")

# %% [markdown]
# Those are seven examples from one pass. Under the causal mask, row $i$ is what it would be if the text ended there, so
# all seven can be computed at once. Each example gets the *true* words before it, whatever the model would have written
# itself: **teacher forcing**.

# %% [markdown]
# There's little new between ids and scores. A table of embeddings turns ids into vectors, and a second table adds a
# vector for each position (lesson 08). Then come the blocks, the final norm, and a product with the first table again.
# The result is one score for each token of the vocabulary, the **logits**. Using one table at both ends is called
# **weight tying** (Press and Wolf, 2016).
#
# The weights have a name for each of these: `token_embedding` and `position_embedding`; `blocks`, a tuple of what
# `encoder_block` takes; and the `gain` and `bias` of the final norm.

# %% exercise="gpt_logits"

# %% [markdown]
# Your function can run a trained model. The one that comes with the course has three blocks, and has read *Alice's Adventures in
# Wonderland*, one character at a time. Here are the last pages, which it hasn't seen.

# %%
from attncore import tiny_gpt
from attncore.softmax import cross_entropy

weights = tiny_gpt.load()
page = np.array(tiny_gpt.encode(tiny_gpt.held_out()))[: 20 * 64].reshape(20, 64)
ids, targets = yours.next_token_targets(page)
loss = cross_entropy(yours.gpt_logits(ids, weights, tiny_gpt.N_HEADS), targets)
print(f"loss {loss:.2f}, guessing {np.log(len(tiny_gpt.CHARACTERS)):.2f}")

# %% [markdown]
# The loss is the mean of minus the log-probability of the right character (lesson 02). *e* to the loss is the
# **perplexity**: among how many equally likely characters would a guess be just as unsure?

# %%
print(f"perplexity {np.exp(loss):.1f}, guessing {len(tiny_gpt.CHARACTERS)}")

# %% [markdown]
# The next exercise has a forward pass much like yours. Its final norm comes as a `NormWeights(gain, bias)`, as the
# norms in the blocks do.

# %% exercise="fix_gpt_logits"

# %% [markdown]
# ## From logits to text
#
# The model gives scores, and you have to choose. Always taking the largest is **greedy** decoding. Otherwise you draw,
# after dividing the logits by a **temperature**. What follows "alice was beginning to be very t"?


# %%
def next_logits(ids):
    return yours.gpt_logits(np.array(ids[-tiny_gpt.CONTEXT :]), weights, tiny_gpt.N_HEADS)[-1]


logits = next_logits(tiny_gpt.encode("alice was beginning to be very t"))
best = np.argsort(-logits)[:6]
names = [tiny_gpt.CHARACTERS[i] for i in best]
beside(*(bars(softmax(logits / T)[best], names, f"Temperature {T}") for T in (0.3, 1, 2)))

# %% [markdown]
# At temperature 2 many unlikely characters get a little each, and together they get a lot. So you cut off the tail
# first. **Top-k** keeps the $k$ most likely tokens (Fan et al., 2018). **Top-p**, or nucleus sampling, keeps as few as
# it takes to reach a probability of $p$ (Holtzman et al., 2019).

# %% exercise="nucleus-by-hand"

# %% exercise="sample_token"

# %% [markdown]
# A model is **autoregressive** if it reads what it has written itself. That's a loop around your last two functions.

# %% exercise="generate"

# %% [markdown]
# Now it writes, and every line of it is yours: norm, block, logits, draw and loop. Change the prompt, the temperature, the seed.


# %%
def write(prompt, n_new=80, **how):
    ids = np.array(tiny_gpt.encode(prompt))
    drawn = yours.generate(next_logits, ids, n_new, np.random.default_rng(0), **how)
    return prompt + tiny_gpt.decode(drawn).replace("\n", " ")


for how in ({"temperature": 0, "n_new": 200}, {"top_p": 0.9}, {"temperature": 2}):
    print(how, write("said the queen, ", **how), sep="\n", end="\n\n")

# %% [markdown]
# Greedy text is safe, and soon goes in circles. At temperature 2 there are hardly any words left. The useful settings
# lie between the two, and you find them only by trying.

# %% [markdown]
# ## BERT fills in the blanks
#
# Under BERT's mask, predicting the next token would be copying. So something has to come out of the text. Devlin et al.
# (2018) choose 15% of the tokens. Of those, 80% become [MASK], 10% become a random token, and 10% stay as they are.

# %% exercise="tokens-bert-learns-from"

# %% exercise="corrupt_tokens"

# %%
vocabulary = ["[MASK]", *story]
ids = np.arange(1, len(vocabulary))
rng = np.random.default_rng(5)
read, said = yours.corrupt_tokens(ids, rng, rate=0.5, mask_id=0, vocab_size=len(vocabulary))
print(*(vocabulary[i] for i in read))
print(*("-" if i == -100 else vocabulary[i] for i in said))

# %% [markdown]
# (At a rate of one half, so that eight words show something.) The first line is what the model reads, the second what
# it has to say. A dash is a target of -100, which the loss skips.
#
# Why not always the mask? In use, a text has no masks in it. A model that's only ever asked at masks needn't think
# about any other token. If any word may be wrong, it has to weigh each against its neighbors.

# %% exercise="fix_masked_pair"

# %% [markdown]
# A mask and a way to train belong together. Here you can separate them. Give BERT's mask the next word to predict and
# see what turns orange; then train GPT's mask on masked words. The masks come from your own function.

# %%
from attncore.views.widgets.transformer import zoo_picture

zoo_picture(yours.mask_for)

# %% [markdown]
# Orange is an answer in plain sight: the model can copy it, and learns to. Compare the number of targets, too: GPT has
# one at nearly every position, BERT at 15% of them. But BERT predicts each of its targets from both sides.

# %% [markdown]
# ## Two texts: who asks, and who answers
#
# A translator has two texts. An encoder reads the source; a decoder writes the translation, and asks the source as it goes. So the queries
# come from the text that's being written, keys and values from the encoder's output, the **memory**. This is **cross-attention**.

# %% exercise="cross-attention-shape"

# %% exercise="cross_attention"

# %% [markdown]
# You've met it before. Bahdanau's alignment in lesson 03 is cross-attention with a different score. Here three words
# ask a sentence, with raw word vectors and one head.

# %%
from attncore.words import embed, tokens

asking, memory = "cat money woman", "the dog slept on the bank because she paid"
found = yours.attention_weights(embed(asking), embed(memory), scale=4)
heat_map(found, tokens(asking), tokens(memory), "Whom do three words ask?")

# %% [markdown]
# The decoder block of Vaswani et al. (2017) is your block with cross-attention in the middle. It looks back at its own text, causally;
# it asks the memory, all of it; then it works on each token. Three parts, three norms, three additions. The weights are those
# of your block and two more: `weights.cross_norm`, and `weights.cross` with four matrices of its own.

# %% exercise="decoder_block"

# %% exercise="decoder-block-weights"

# %% [markdown]
# Take the memory away, and you're left with a GPT block. That's all that **decoder-only** means. Below is the 2017
# model with both of its stacks: follow the arrow from the encoder's end to every block of the decoder.

# %%
whole("transformer")

# %% [markdown]
# Somebody has built a small translator of this kind. It trains, and no test fails.

# %% exercise="fix_translator"

# %% [markdown]
# **T5** (Raffel et al., 2019) trains such a pair on text alone. It cuts spans out of the source, three tokens long on
# average and 15% in all, and puts a **sentinel** in place of each. The decoder writes what's missing, as next tokens:
#
# | | |
# |---|---|
# | the encoder reads | the dog X because it was Y tired |
# | the decoder writes | X slept Y too Z |

# %% [markdown]
# ## A block of today
#
# If you're asked to draw a block on the whiteboard, it's usually Llama's (Touvron et al., 2023a). Two parts of it are new
# to you. **RMSNorm** (Zhang and Sennrich, 2019) is a layer norm without two of its steps.

# %% exercise="rms_norm"

# %%
yours.rms_norm(three, ones).round(3)

# %% [markdown]
# These are the same three tokens: the scale is gone, but the shift now gets through. **SwiGLU** (Shazeer, 2020) has two
# wide layers, one of which gates the other: `weights.W_gate` and `weights.W_up`, with `weights.W_down` on the way back.

# %% exercise="swiglu"

# %% [markdown]
# That makes three matrices where there were two. To keep the count at $8 m^2$ the inner width would be $\frac83 m$;
# Llama 2 7B rounds it up to 11,008. How many more weights does that make?

# %%
m, inner = 4096, 11_008
print(
    f"8/3 of m is {8 / 3 * m:,.0f}, and 3 matrices have {3 * m * inner / (8 * m * m):.3f} of 8 m^2"
)

# %% [markdown]
# Positions are rotary, in every layer, and there are no biases. As of November 2026 the differences between models are mostly
# these:
#
# | what | who |
# |---|---|
# | several heads share keys and values (lesson 13) | Llama 3 (Grattafiori et al., 2024) |
# | queries and keys are normalized, head by head: QK-norm | Qwen3 (Qwen Team, 2025), Gemma 3 (Gemma Team, 2025) |
# | the norm comes after each part, but still in the branch | OLMo 2 (OLMo 2, 2024) |
# | a norm before *and* after each part | Gemma 2 (Gemma Team, 2024b) |
# | each token goes to a few of many feed-forward layers: mixture of experts | DeepSeek-V3 (DeepSeek-V3, 2024) |

# %% [markdown]
# ## Which family for which task
#
# | task | is the output text? | family | mask |
# |---|---|---|---|
# | sentiment of a review | no, a label | encoder (BERT) | everything but padding |
# | find similar texts, rerank | no, a vector or a score | encoder | everything but padding |
# | mark the answer in a passage | no, a start and an end | encoder | everything but padding |
# | summary, translation | yes | encoder-decoder (T5), or decoder-only | everything for the source, causal for the text |
# | open questions, dialogue, code | yes | decoder-only (GPT) | causal |

# %% [markdown]
# Two questions decide: is the whole input there before we answer, and is the answer a text? One large decoder does every row by prompting. If you
# need a label on each of ten million reviews, a small encoder costs far less.

# %% [markdown]
# ## The same in PyTorch
#
# A pre-norm block as you'd write it in an interview:
#
# ```python
# import torch
# from torch import nn
#
# class Block(nn.Module):
#     def __init__(self, m, h):
#         super().__init__()
#         self.norm1, self.norm2 = nn.LayerNorm(m), nn.LayerNorm(m)
#         self.attention = nn.MultiheadAttention(m, h, batch_first=True)
#         self.mlp = nn.Sequential(nn.Linear(m, 4 * m), nn.GELU(), nn.Linear(4 * m, m))
#
#     def forward(self, x):
#         z, hidden = self.norm1(x), torch.ones(x.shape[1], x.shape[1], device=x.device).triu(1).bool()
#         x = x + self.attention(z, z, z, attn_mask=hidden, need_weights=False)[0]
#         return x + self.mlp(self.norm2(x))
#
# block = Block(512, 8)
# print(block(torch.randn(2, 6, 512)).shape, sum(p.numel() for p in block.parameters()))
# ```
#
# ```text
# torch.Size([2, 6, 512]) 3152384
# ```
#
# Note the mask: in `nn.MultiheadAttention` True means *hidden*.

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 07.

# %% exercise="encoder-or-decoder"

# %% exercise="who-asks-and-who-answers"

# %% exercise="pre-norm-or-post-norm"

# %% exercise="masked-or-next-token"

# %% exercise="from-ids-to-next-token"

# %% exercise="draw-llamas-block"

# %% exercise="which-family-for-which-task"

# %% exercise="why-decoder-only"

# %% again="why-many-heads"

# %% again="what-w-output-does"

# %% [markdown]
# ## Say it in two minutes
#
# "Draw a Transformer, and tell me how BERT, GPT and T5 differ." Two minutes, aloud, drawing while you talk. Then compare.

# %% [markdown] folded="One way to say it"
# "A block is attention between the tokens, then a feed-forward layer for each token. Each part reads the stream through
# a norm and adds to it; that's pre-norm, and it leaves a path of additions from bottom to top. The feed-forward layers
# are two thirds of the weights, $8 m^2$ of $12 m^2$. The mask makes the family. BERT sees everything, so it learns by
# filling in 15% of the tokens. GPT is causal and learns from every next token, all in one pass; to write, it draws a
# token, appends it and reads on. T5 has an encoder and a causal decoder that asks the encoder's output by
# cross-attention: queries from the text being written, keys and values from the memory. At the top come a final norm
# and a product with the embeddings. For labels and vectors I'd take an encoder, for text something causal."

# %% [markdown]
# ## Roads not taken
#
# GPT-J and PaLM (Chowdhery et al., 2022) run attention and feed-forward in parallel on the same input. A mixture of experts sends each token to
# a few of many feed-forward layers (Shazeer et al., 2017). XLNet (Yang et al., 2019) predicts in random orders and so sees both sides without
# a mask token. Gloeckle et al. (2024) train on several next tokens at once.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write a pre-norm block from memory, and say what changes between an encoder and a decoder. In lesson 10 an encoder without any
# mask reads something that isn't text: the patches of a photograph.

# %%
progress()
