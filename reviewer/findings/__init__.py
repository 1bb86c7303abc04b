"""What was answered: from a reply's text to findings that are checked against the code."""
