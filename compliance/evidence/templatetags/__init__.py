"""Words and figures as the report shows them."""
