# %% [markdown]
# # Alignment: translation before the Transformer
#
# You're translating "the tired cat sat on the mat" into Spanish, and you've written "el gato". Which English word do you
# need to look at now?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.softmax import masked_softmax, softmax
from attncore.views.tables import heat_map
from attncore.views.widgets.alignment import SOURCE, SPANISH, alignment_picture
from attncore.weighted_sum import weighted_sum

# %% exercise="next-source-word"

# %% [markdown]
# This is the question that attention was invented for, in 2014, three years before the Transformer. Interviewers like
# it because the answer contains everything that came later: a query, keys, a softmax, a weighted sum. You can skip to
# lesson 04 if you're in a hurry, and come back when somebody says "Bahdanau".

# %% [markdown]
# ## One vector for the whole sentence
#
# A translation network of early 2014 reads the source word by word into a state of fixed size, and writes the target
# from the last state. Suppose that each step keeps half of the old state and adds half of the new word. How much of the
# first of seven words is left at the end?

# %% exercise="first-word-left"

# %% [markdown]
# A trained network forgets less blindly, but it has to squeeze any sentence into the same few numbers. Cho et al. (2014)
# measured what that does: translations get worse quickly as sentences get longer. Sutskever et al. (2014) fed the source
# in backwards, so that its first words would be fresh when they were needed; BLEU rose from 25.9 to 30.6.
#
# Bahdanau et al. (2014) kept the encoder's states of *all* words instead. Let's call them the **memory**.

# %% [markdown]
# ## A fresh average for each word
#
# For every word that it writes, the decoder scores each memory state against its own state. Softmax turns the scores
# into weights, the **alignment**, and the weighted sum of the memory is the **context**. Take three memory states, (4,
# 0), (0, 8) and (4, 4), with scores that give the weights 0.25, 0.5 and 0.25.

# %% exercise="alignment-by-hand"

# %% [markdown]
# You have both halves of it already, `softmax` from lesson 02 and `weighted_sum` from lesson 01; the first cell has
# imported them. Here there's one query, so the scores have no axis for queries.

# %% exercise="align"

# %%
scores, memory = np.log([1.0, 2.0, 1.0]), np.array([[4.0, 0.0], [0.0, 8.0], [4.0, 4.0]])
yours.align(scores, memory), yours.align(np.array([-np.inf, -np.inf, 0.0]), memory)

# %% [markdown]
# The second result is the old model: all the weight on the last state. So the new model contains the old one, and
# training may choose. What's left to decide is the score.

# %% [markdown]
# ## A small network compares
#
# State and memory needn't have the same width. So Bahdanau et al. project both into a hidden layer, add the two, apply
# a tanh, and take a weighted sum. It's called the **additive** score:
#
# $$e_j = v \cdot \tanh(W_s\, s + W_h\, h_j)$$

# %% exercise="score-shape"

# %% exercise="additive_scores"

# %% [markdown]
# Can it compare at all? Let the memory hold the numbers 1, 2 and 3, and the state a number $x$ and a constant 1. With these
# weights the score is $\tanh(x - h_j + 1) - \tanh(x - h_j - 1)$, a bump that's highest where $h_j = x$.

# %%
h = np.array([[1.0], [2.0], [3.0]])
W_s, W_h, v = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[-1.0], [-1.0]]), np.array([1.0, -1.0])
{x: yours.additive_scores(np.array([x, 1.0]), h, W_s, W_h, v).round(2) for x in (1.0, 2.0, 3.0)}

# %% [markdown]
# Each $x$ finds its own number. A product of plain numbers can't do that: with a positive $x$ the largest always wins.
# Now take the tanh away.

# %% exercise="linear-additive"

# %% [markdown]
# ## Luong's three scores
#
# Luong et al. (2015) tried simpler comparisons. **Dot** needs equal widths, **general** puts a matrix in between, and
# **concat** is a small network on both vectors, joined.
#
# $$s \cdot h_j \qquad\qquad s \cdot W h_j \qquad\qquad v \cdot \tanh(W [s; h_j])$$

# %% exercise="dot_scores"

# %% exercise="general_scores"

# %% exercise="concat_scores"

# %% [markdown]
# Two of these four scores are the same. A matrix on two joined vectors is two matrices, one on each, with the results
# added: so concat is the additive score under another name. Compare them on random numbers.

# %%
rng = np.random.default_rng(0)
state, memory, v = (
    rng.standard_normal((2, 7)),
    rng.standard_normal((2, 5, 12)),
    rng.standard_normal(4),
)
W_state, W_memory = rng.standard_normal((4, 7)), rng.standard_normal((4, 12))
additive = yours.additive_scores(state, memory, W_state, W_memory, v)
concat = yours.concat_scores(state, memory, np.hstack([W_state, W_memory]), v)
print("additive", additive[0].round(2))
print("concat  ", concat[0].round(2))
print(f"largest difference {np.abs(additive - concat).max():.0e}")

# %% exercise="additive-parameters"

# %% exercise="hidden-bytes"

# %% [markdown]
# ## Does it learn to align?
#
# A toy language: a translation has the words of the source in reverse order, each replaced by another. Nobody tells the model
# about reversal. It learns with additive scores, with dot scores, and, as a control, from one vector for the whole
# sentence, which may train four times as long. What do you expect for sentences of four and of eight words?

# %% exercise="longer-sentences"

# %%
from attncore.experiments.alignment import alignment_experiment

runs = alignment_experiment(lengths=(4, 8))
{
    score: dict(zip(runs.lengths, np.round(right, 2).tolist(), strict=True))
    for score, right in runs.accuracies.items()
}

# %% [markdown]
# And here's what the model with additive scores looks at. Rows are the words that it writes, columns the words that it
# reads.

# %%
places = range(1, 9)
heat_map(runs.alignments["additive"], places, places, title="Where does it look, word by word?")

# %% [markdown]
# It has found the reversal, from nothing but the translations. This experiment has three limits. Our decoder has a
# state of its own for each position, so the alignment depends on places alone. The one vector is slow as well as small:
# trained four times longer still (`steps=600`), it gets nearly all of four words right, and about half of eight. And
# the experiment says nothing about additive against dot in general; for large widths the unscaled dot product does fall
# behind, as lesson 04 shows.

# %% [markdown]
# ## A dictionary as a matrix
#
# Real words now, and no training. For each Spanish word we have English words with a vector, and that dictionary is our
# matrix for the general score. Each state is one-hot, times 4 to sharpen the softmax, and so picks its word's row. A
# real decoder has to guess the word that it's about to write.

# %%
from attncore.words import embed, tokens

target, source = list(SPANISH), tokens(SOURCE)
W = np.stack([embed(meaning).mean(axis=0) for meaning in SPANISH.values()])
scores = yours.general_scores(4 * np.eye(8), embed(SOURCE), W)
heat_map(yours.softmax(scores), target, source, title="Which word does each one translate?")

# %% [markdown]
# Look for three things: the two rows that cross (Spanish puts this adjective after its noun), the two words for
# "sat", and what "el" and "la" do. Each of them gives 0.45 to the first "the" and 0.45 to the second: these have the
# same vector, and a score that compares contents can't see where a word stands.

# %% exercise="fix_alignment_picture"

# %% [markdown]
# ## Before or after the recurrent step
#
# The two papers differ most in *when* they ask. Bahdanau's decoder asks with its previous state, and the context goes into
# the recurrent step. Luong's takes the step first, asks with the new state, and mixes the context into the output.
#
# $$s_{t-1} \to e_t \to c_t \to s_t \qquad\qquad s_{t-1} \to s_t \to e_t \to c_t$$
#
# | | Bahdanau et al. (2014) | Luong et al. (2015) |
# |---|---|---|
# | asks with | $s_{t-1}$ | $s_t$ |
# | score | additive | dot, general, concat |
# | context goes into | the state $s_t$ and the output | the output: $\tanh(W_c [c_t; s_t])$ |
# | memory | both directions of one layer | the top layer of a stack |
# | looks at | all source words | all of them, or a window |

# %% [markdown]
# Step through a word below, then switch the paper: which state asks, and where does the context go? (The numbers are
# made up, to be readable.)

# %%
from attncore.views.explorables.encoder_decoder import encoder_decoder

encoder_decoder(function=yours.align)

# %% [markdown]
# In training the target is known, so all of Luong's states can ask at once: our dictionary just did, in one product.
# Bahdanau's next state has to wait for the context that goes into it. (So does Luong's with input feeding, where each
# output goes into the next step.)

# %% exercise="fix_translation_step"

# %% exercise="fix_sentence_batch"

# %% [markdown]
# ## Global looks everywhere, local through a window
#
# Both words are Luong's. **Global** attention gives weight to every source word; Bahdanau's is global too. **Local**
# attention picks a center $p$ and looks no further from it than a half width $D$. In **local-p** the center is
# predicted from the decoder's state and may be any number; in **local-m**, for monotonic, it's just $p = t$.

# %% exercise="window-scores"

# %% [markdown]
# The edge of a window is a step, and a step has no slope: move $p$ a little, and the same words are still inside. So
# local-p multiplies the weights by a Gaussian bell around $p$ with $\sigma = D/2$. That bell is what lets training move
# the center. Nothing is normalized again, so a word near the window's edge hands over little, however well it scores.

# %% exercise="local_weights"

# %%
alignment_picture(yours.local_weights)

# %% [markdown]
# In this window "el" and "la" each find their own "the". Move the center until they lose it. Then take "gato" apart,
# in the second table: its word lies one place from the center, and the bell takes 0.39 of its weight. Nobody trains
# this today. You'll meet windows again in lesson 15, where they save memory.

# %% [markdown]
# ## A weight is on a state, not on a word
#
# One warning, which you can give in an interview before they do: a memory state has read other words as well. Above,
# "alfombra" gave 0.90 of its weight to "mat", but those were the bare vectors of words. Suppose the memory holds the
# states of the encoder at the top of this lesson, which keeps half of its state at each step.

# %% exercise="weight-on-a-state"

# %% [markdown]
# Nor does training ask for alignments: Koehn and Knowles (2017) found attention weights that are far from a word
# aligner's links. Lesson 19 takes this up.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# from torch import nn
#
# class AdditiveAttention(nn.Module):
#     def __init__(self, state, memory, hidden):
#         super().__init__()
#         self.W_state = nn.Linear(state, hidden, bias=False)
#         self.W_memory = nn.Linear(memory, hidden, bias=False)
#         self.v = nn.Linear(hidden, 1, bias=False)
#
#     def forward(self, state, memory):  # (b, s), (b, k, n)
#         hidden = torch.tanh(self.W_state(state)[:, None] + self.W_memory(memory))
#         weights = self.v(hidden).squeeze(-1).softmax(dim=-1)
#         return (weights[:, None] @ memory).squeeze(1), weights
#
# context, weights = AdditiveAttention(7, 12, 4)(torch.randn(2, 7), torch.randn(2, 5, 12))
# print(context.shape, weights.shape)
# ```
#
# ```text
# torch.Size([2, 12]) torch.Size([2, 5])
# ```

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 01.

# %% exercise="bahdanau-or-luong"

# %% exercise="what-the-tanh-is-for"

# %% exercise="why-read-backwards"

# %% exercise="global-or-local"

# %% exercise="is-it-an-alignment"

# %% exercise="attention-in-speech"

# %% again="why-not-one-vector"

# %% again="query-key-value"

# %% [markdown]
# ## Say it in two minutes
#
# "What did attention look like before the Transformer?" Two minutes by the clock, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "An encoder-decoder squeezed each sentence into one vector, and long sentences suffered. Bahdanau keeps all encoder states
# and scores them against the decoder's previous state with a small network, additive, with a tanh in it. A softmax over
# the source gives the alignment, and the weighted sum of the states goes into the next recurrent step. Luong asks with the
# current state, after the step, with a dot product, a bilinear form, or concat, which is additive again. He also adds local
# attention: softmax inside a window around a predicted center, times a Gaussian. In both, the weights are on states that
# have read the whole context, so an alignment isn't quite a word alignment."

# %% [markdown]
# ## Roads not taken
#
# Scores can be made from the position alone (Luong's "location"; windows that only move forward: Graves, 2013). A coverage
# vector remembers what has been translated (Tu et al., 2016). A pointer network makes the weights themselves the answer
# (Vinyals et al., 2015). And an alignment can be forced to run forward, so that output can begin before the input has
# ended (Raffel et al., 2017).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know what a score, an alignment and a context are, and why all target states can ask in one product. In lesson 04
# the dot product wins, once it's divided by a square root.

# %%
progress()
