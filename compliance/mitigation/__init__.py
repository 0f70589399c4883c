"""Floor 3: the plan, its steps, and the actions that carry them out."""
