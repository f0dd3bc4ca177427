# %% [markdown]
# # Attention, asked and answered
#
# This course takes you from "attention is a weighted sum" to what interviewers ask about it today. You write each piece
# yourself, in NumPy, and the course tells you what is wrong with it by name. This lesson shows how that works, in a
# quarter of an hour.

# %% [markdown]
# **You need** Python, NumPy arrays and a little linear algebra.
# **You get** the verbs of the course, a way to read pictures of attention, and advice on where to begin.

# %%

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights
from attncore.views.tables import heat_map
from attncore.views.widgets.start import reading_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## How to read a picture of attention
#
# Here is attention on a sentence, computed from the word vectors of a trained model. Each **row** is a query: the word
# that looks. Each **column** is a key: the word that is looked at. The colour is the weight, from 0 to 1.

# %%
words = "the cat sat on the mat"
weights = attention_weights(embed(words), embed(words), scale=2)
heat_map(weights, tokens(words), tokens(words), title="Rows are queries, columns are keys")

# %% [markdown]
# Every row sums to one, since a query shares out one unit of attention. The columns need not: a word may be looked at by
# many, or by hardly anybody.

# %%
weights.sum(axis=1).round(2), weights.sum(axis=0).round(2)

# %% [markdown]
# Choose a row, and read it: how does this word share out its attention? The scale makes attention flat at 0 and sharp
# at 6. Lesson 04 says what it is.

# %%
reading_picture()

# %% [markdown]
# At scale 0 every key gets the same weight. Then the comparison plays no part, and what attention returns is the
# plain mean of the values. That is where the exercises begin.

# %% exercise="equal-weight"

# %% [markdown]
# ## How the exercises work
#
# There are five kinds: write a function, find a bug, work out a number, predict a result, and say an answer aloud. The
# last one was of the third kind. Replace the three dots by your answer and run the cell. Units are understood, "128
# KiB" and "50 %" as well.

# %% [markdown]
# The next is a prediction. A shape is written as a tuple, `(2, 3)`. Predicting before you run is the quickest way to
# find out what you do not know.

# %% exercise="uniform-shape"

# %% [markdown]
# Now the main kind: a function. Its docstring says what it does, and the comment above it gives the shapes of what comes
# in and goes out: there, `...` stands for any leading axes, such as a batch, several examples stacked along one more
# axis. Write the body, run the cell, and read what `check` says.

# %% exercise="uniform_attention"

# %% [markdown]
# Make a mistake on purpose: take the mean over the last axis, and run it again. `check` compares what your function
# computes with known mistakes, names yours, and shows the smallest input that proves it. Any style is fine: loops,
# lists, `einsum`.

# %% [markdown]
# When you are stuck, `hint(uniform_attention)` opens the first of three hints, from a question to think about to the
# shape of the line. It never shows the line. Below the last hint there's a link to the solution.
#
# `check` judges values, in any style and precision. What a docstring says of errors on bad input is good practice, and
# not judged.

# %% [markdown]
# In the next exercise the code is there, a few small functions by a colleague, and so is a bug. Begin as you would at work:
# find an input on which the code fails, and let `breaks` judge it. Then mend the code, and run `check` on it.

# %% exercise="fix_search"

# %% [markdown]
# The last kind is answered aloud, as in the interview. Say your answer first; then open the model answer, and tick
# what you said. Remember your sentence: lesson 01 asks for it again.

# %% exercise="what-will-you-say"

# %% [markdown]
# ## Where to begin
#
# Eight questions, a minute each, from the lessons that follow. Answer what you know; a word that you do not know is an
# answer too, so guess. After the eighth, `progress()` says with which lesson to begin.

# %% exercise="start-sum"

# %% exercise="start-shift"

# %% exercise="start-axis"

# %% exercise="start-scale"

# %% exercise="start-order"

# %% exercise="start-causal"

# %% exercise="start-masked"

# %% exercise="start-heads"

# %%
progress()

# %% [markdown]
# Your attempts are kept beside these notebooks, and nowhere else. `reset("00_start")`, typed in any cell, puts a notebook
# back as it was and keeps yours under another name. The notebooks in `solutions` hold every answer, with a walk-through.
# When you come back to a lesson, its pictures and cards stand still until you run their cells again; begin with the
# first cell of the notebook.

# %% [markdown]
# ## Roads not taken
#
# Most courses begin with a framework. We begin with arrays: an interviewer who asks for attention on a whiteboard asks
# for ten lines of arithmetic, and a framework hides exactly those. What you write here carries over line by line.

# %% [markdown]
# ## Say it in two minutes
#
# Attention compares a query with keys, turns the comparisons into weights that sum to one, and returns the sum of the
# values under those weights. In pictures the rows are queries and the columns are keys. With no preference at all, it
# is the mean.

# %% [markdown]
# ## What the next lesson assumes
#
# That you can read a row of the picture, and that you have seen `check` say what is wrong. The next lesson takes the
# weighted sum apart.
