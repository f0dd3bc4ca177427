"""Lesson 19: value-weighted maps, rollout, permutation, ablation, induction."""
