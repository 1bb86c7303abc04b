"""Who is asked: servers, models, and how a prompt becomes a reply."""
