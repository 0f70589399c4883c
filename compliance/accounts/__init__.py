"""Who: users, roles per legal entity, legal entities, sign-in."""
