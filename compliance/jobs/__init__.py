"""What is to be done: rows with a lease, progress and attempts."""
