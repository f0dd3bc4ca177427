"""What makes the course: rendering, consistency, and the makers of its data."""
