"""What is reviewed: from a target to the files, hunks and lines under review."""
