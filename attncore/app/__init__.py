"""The doors: a notebook's cell, the command line, the rendered notebooks."""
