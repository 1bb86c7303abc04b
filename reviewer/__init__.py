"""Code review by several language models, with findings that are checked against the code."""

__version__ = "0.1.0"
