"""Secrets that open nothing, put together here so that no scanner takes the files for leaks."""

import hashlib


def letters(seed: str, length: int) -> str:
    """Letters and digits that look random, the same each time."""
    made, number = "", 0
    while len(made) < length:
        digest = hashlib.sha256(f"{seed}{number}".encode()).digest()
        made += "".join(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[b % 62] for b in digest
        )
        number += 1
    return made[:length]


AWS = "AKIA" + letters("aws", 40).upper()[:16]
GITHUB = "ghp_" + letters("github", 36)
GITHUB_FINE = "github_pat_" + letters("fine", 60)
ANTHROPIC = "sk-ant-" + letters("anthropic", 40)
OPENROUTER = "sk-or-v1-" + letters("openrouter", 64)
OPENAI = "sk-proj-" + letters("openai", 48)
GOOGLE = "AIza" + letters("google", 35)
HUGGING_FACE = "hf_" + letters("face", 34)
SLACK = "xoxb-" + "123456789012-" + letters("slack", 24).lower()
STRIPE = "sk_live_" + letters("stripe", 24)
PASSWORD = "correct-horse-7"
RANDOM = letters("random", 40)
KEY_LINES = tuple(letters(f"line {n}", 64) for n in range(4))
PRIVATE_KEY = "\n".join(
    ("-----BEGIN RSA PRIVATE " + "KEY-----", *KEY_LINES, "-----END RSA PRIVATE " + "KEY-----")
)
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + letters("jwt", 43)

BY_FORM = {
    "AWS_KEY": AWS,
    "GITHUB_TOKEN": GITHUB,
    "ANTHROPIC_KEY": ANTHROPIC,
    "OPENROUTER_KEY": OPENROUTER,
    "OPENAI_KEY": OPENAI,
    "GOOGLE_KEY": GOOGLE,
    "HUGGING_FACE_TOKEN": HUGGING_FACE,
    "SLACK_TOKEN": SLACK,
    "STRIPE_KEY": STRIPE,
    "JWT": JWT,
}
"""Those that are known by their form, by the kind that they are called."""
