"""What is asked: roles, batches of the change, and the prompts made of them."""
