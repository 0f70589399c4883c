"""Floor 2: where data lives, what was made from what, and where a person is found."""
