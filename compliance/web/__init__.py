"""Door for people: data subjects, officers, auditors."""
