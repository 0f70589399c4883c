"""What is measured about a classifier that has forgotten."""
