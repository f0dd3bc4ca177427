"""What the learner sees: arrays in, pictures out."""
