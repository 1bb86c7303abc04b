"""One file a command: a plain function from options to an exit status."""
