"""Floor 4: checks that prove, by another path than the actions that did."""
