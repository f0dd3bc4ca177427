"""Lesson 13: heads that share keys and values: grouped, pooled, latent."""
