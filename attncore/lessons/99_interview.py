# %% [markdown]
# # The mock interview
#
# You've done the lessons, or enough of them. Here you put them together the way an interview does: against the clock,
# without knowing what comes next, and with follow-ups that go where you were weak.

# %% [markdown]
# **You need** whatever lessons you've done; the level decides what is asked.
# **You get** bug hunts in whole models, timed rounds, and a report of facts after each.

# %%
import numpy as np

from attncore import check, hint, hunt, interview, submit

# %% [markdown]
# ## How a round goes
#
# An interviewer asks for what you know, a number, a function from an empty cell, and the bugs in a model; from senior on
# there's a design question, too. Each part has its minutes, and they add up to the minutes of the round. When a part's
# time is over you can finish your answer, and then the interviewer moves on.
#
# Run the next cell whenever you like: the clock doesn't start before you press *Begin*.

# %%
interview("intermediate", minutes=30)

# %% [markdown]
# Levels are `basic`, `intermediate`, `senior` and `staff`; a round takes 10 to 180 minutes. Each round tells you its
# seed, and the seed brings the same round back: `interview("senior", minutes=45, seed=7)`. Where PyTorch is installed,
# `framework="torch"` has your functions called with tensors.
#
# You type first. Only then do you get a few choices about which way things go, which are graded exactly, and then a
# model answer, beside which you tick what you said. Those ticks are your own, and the report says so.

# %% [markdown]
# ## What you write
#
# For a function you get its signature and its contract. Write it in a cell of your own, try it, and hand it in with
# `submit(its_name)`. The interviewer won't name your mistake: you get the smallest input on which it shows, and the
# mistake comes back later as a follow-up.
#
# `submit` takes every other answer as well, if you'd rather type in a cell: `submit("my answer")`, `submit("b")`.

# %% [markdown]
# *Pause* stops the clock. Your answers are saved at every step, so you can close the notebook, restart the kernel, or
# come back tomorrow: run the cell with the interview again, and it offers to go on. Rounds run in a terminal, too:
# `attncore interview --level senior --minutes 45`, where Ctrl-C pauses.

# %% [markdown]
# ## Reading the report
#
# At the end you get what happened, part by part: right or not, the time, hints, checks before the first right one,
# mistakes by name, and whether the follow-up on them was right. Five lines have up to four points each, by rules that
# are printed beside them. What you didn't reach is marked as not reached, and costs no points.
#
# The report is also a page in `interviews/`, beside these notebooks, with the trend over your earlier rounds.

# %% [markdown]
# ## A hunt by itself
#
# The interview question reported most often is a model with bugs in it. `hunt` writes one into your working copy: the
# model, a place for your tests, and a report of what a run of it looks like. Repair the model, and for each bug write a
# test that fails on it; `check(hunt)` judges both, and `hint(hunt)` narrows down where to look. The seed picks the file,
# unless you name it: `kind="decoder"`, `"cached"`, `"encoder"`, `"training"`, or `"serving"`, the longest, where requests
# share a pool of blocks and a draft model guesses.

# %%
hunt(seed=1, bugs=2, level="basic")

# %% [markdown]
# Begin with the symptoms, not with the code. Which part of the model could do that? Then think of something that has to
# hold whatever the weights are: rows that sum to one, an output that mustn't change when a later token does, two ways of
# computing the same thing. A test like that finds the bug, and keeps it from coming back.

# %% [markdown]
# ## Roads not taken
#
# A language model could play the interviewer, and it would be charming. It might also accept a fluent wrong answer more
# readily than a halting right one; lesson 20 shows how little a "not" counts when texts are compared. So what's graded
# here is graded by running it or by exact choices, and the rest is left to your own judgment, labeled as such.

# %% [markdown]
# ## Say it in two minutes
#
# Before the real one, explain to a friend what attention computes, why it's scaled, what it costs, and one bug you've
# found in it. If they can repeat it back to you, you're ready for the follow-up.
