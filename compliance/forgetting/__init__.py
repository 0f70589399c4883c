"""Unlearning as a service: models registered by reference, jobs that make one forget, and what came out of it."""
