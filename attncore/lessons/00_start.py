# %% [markdown]
# # Start here
#
# Before this course tells you anything, let's see what you can read. Run the cell below. It shows where one *head*, a
# part of a trained network, looks as it reads six words and two markers.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.recorded import recorded_maps
from attncore.views.tables import heat_map
from attncore.views.widgets.start import reading_picture

tokens, maps, _ = recorded_maps()["The cat sat on the mat"]
heat_map(maps[3, 1], tokens, tokens, title="One head of a trained network. Who looks where?")

# %% [markdown]
# Each **row** is a query, the word that looks. Each **column** is a key, a word that can be looked at. The color is
# the weight. Run the next cell and choose.

# %% exercise="read-a-row"

# %% [markdown]
# Nobody told this head about articles and prepositions. In this sentence, at least, it links small words to their
# nouns, and it learned to in training. (The network is all-MiniLM-L6-v2; in lesson 20 you'll run all of it, with your
# own functions.)
#
# Next question. Imagine adding up the weights of each row, and then of each column.

# %% exercise="what-sums-to-one"

# %%
{"rows": maps[3, 1].sum(axis=1).round(2), "columns": maps[3, 1].sum(axis=0).round(2)}

# %% [markdown]
# A row says how a word shares out its attention. And then? Each word also has a **value**, a vector that holds what it
# has to offer, and the word that looks gets a mixture of all the values, in the proportions of its row. Query, key,
# value: that's all the vocabulary you need for now.

# %% exercise="equal-weight"

# %% [markdown]
# ## What you've just done
#
# You'll meet five kinds of exercise. You've predicted something, by clicking, and you've worked out a number, by
# typing. A number can have a unit: "128 KiB" or "50 %". You can also write the answer into the cell in place of the
# dots; do that where the buttons don't work.
#
# The third kind is the main one: write a function.

# %% exercise="uniform_attention"

# %% [markdown]
# The docstring says what to do, and the comment above it gives the shapes: `k` keys, each with a value of width `v`, and
# `...` for any axes in front, such as a batch.
#
# Once it's right, make a mistake on purpose: take the mean over the last axis. `check` compares your function's results
# with those of common mistakes, names yours, and shows the smallest input that proves it. Loops, lists or `einsum`: any
# style is fine.

# %%
values = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
yours.uniform_attention(values)

# %% [markdown]
# `yours.uniform_attention` is your function once it's right, and the course's until then; it tells you which you've
# got. The rest of a lesson runs on what you've written. Stuck? `hint(uniform_attention)` opens the first of three
# hints, and below the last there's a link to the solution.

# %% exercise="uniform-shape"

# %% [markdown]
# ## Find a bug
#
# The fourth kind is code by a colleague, with a bug in it. Begin as you would at work: find an input on which it fails,
# and let `breaks` confirm it. Then repair the code and run `check`.

# %% exercise="fix_search"

# %% [markdown]
# ## Say it
#
# The fifth kind is answered aloud, as in the interview: say it, type what you said, choose a few directions, and only
# then read our answer beside yours. Don't worry about getting this one right: lesson 01 asks again.

# %% exercise="what-will-you-say"

# %% [markdown]
# ## Seventy-two heads
#
# The picture at the top was one head of 72. Move the sliders. Can you find a head that looks at the previous word? One
# that looks at hardly anything but the marker at the start?

# %%
reading_picture()

# %% [markdown] folded="Two that we found"
# Layer 0, head 2 looks at the previous word, all the way along. Layer 2, head 7 gives nine tenths of its weight to
# `[CLS]`, and many others give it half: softmax makes every row sum to one even when a head has nothing useful to look
# at, and that attention has to go somewhere. Lesson 15 comes back to it.

# %% [markdown]
# ## Where to begin
#
# Eight questions, a minute each, from the first eight lessons. Guess where you don't know; that's an answer too.
# `progress()` then says with which lesson to begin. If you already work with attention every day, run `placement()`
# instead: up to twenty questions, from all the lessons there are.

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
# Your attempts are kept beside these notebooks and nowhere else. `reset("00_start")`, in any cell, restores a notebook
# and keeps your version under another name. `glossary("logits")` explains a word of the trade. Everything has a worked
# solution in the folder `solutions`.

# %% [markdown]
# ## Roads not taken
#
# Most courses begin with a framework. We begin with arrays, because an interviewer who asks for attention on a
# whiteboard asks for ten lines of arithmetic, and a framework hides exactly those. Each lesson shows the same thing
# once in PyTorch, the way you'd write it there.

# %% [markdown]
# ## What the next lesson assumes
#
# That you can read a row of a picture like the first one, and that you've seen `check` tell you what's wrong. Lesson 01
# takes the weighted average apart.
