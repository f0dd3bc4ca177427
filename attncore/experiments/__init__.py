"""What lessons claim about training, shown by training: small models and tasks, seeded, with a control beside them."""
