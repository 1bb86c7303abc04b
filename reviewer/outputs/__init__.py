"""What the user gets: the report as a value, and its renderings."""
