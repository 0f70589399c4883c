"""Tables forget: scikit-learn estimators in, scikit-learn estimators out; exact, or with a certificate."""
