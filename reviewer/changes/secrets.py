"""The search for secrets in text. What knows their forms is imported when needed, as that takes a while."""

from reviewer.changes.secret import Secret


def find_secrets(text: str, path: str = "") -> list[Secret]:
    """The secrets in a text, in order; they do not overlap, and none goes over the end of a line.

    Args:
        text: anything: lines of code, a prompt, a report.
        path: the file that it is from, if it is one: in files of settings, values need no quotes.
    """
    from reviewer.changes.secret_formats import found_in

    return found_in(text, path)
