"""Settings: from files, environment and flags to one frozen value that knows where each part came from."""
