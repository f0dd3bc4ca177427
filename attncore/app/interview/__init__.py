"""The mock interview: a round drawn by its seed, asked against the clock, and reported in facts.

plan    what a round asks, and for how many minutes
round   the state of a round, and `step(state, given)`, which is pure
scene   what the interviewer says in a state, and what is expected next
desk    a round at work: judges, keeps the state, writes files
report  facts, a rubric with its rules, and the page
"""
