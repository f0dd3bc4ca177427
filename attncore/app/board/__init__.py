"""The board of a workshop: what the room gets right and wrong, live, for its instructor; and how a learner joins it."""
