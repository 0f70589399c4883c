"""Door for machines: REST, token or session, problem+json."""
