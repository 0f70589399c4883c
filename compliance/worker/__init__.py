"""Door for time: handlers, tasks, commands."""
