"""The house on real servers: PostgreSQL, Redis, workers as processes, kills."""
