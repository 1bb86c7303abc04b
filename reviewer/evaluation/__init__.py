"""How good reviews are: cases with known problems, what was found of them, and figures with intervals."""
