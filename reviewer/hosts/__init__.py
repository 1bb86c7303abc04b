"""Where changes are discussed: reading pull requests, and writing what a review has found."""
