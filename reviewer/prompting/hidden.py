"""Characters that nobody sees, or that turn text around: models get them as escapes, as people should.

Which they are: format and control characters of Unicode, with the tags of plane 14
(https://www.unicode.org/reports/tr36/ and "Trojan Source", CVE-2021-42574).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from reviewer.prompting.prompt import Message, Prompt

HIDDEN = (
    "\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
)
"""For a class of characters in a pattern; line feeds, carriage returns and tabs are none of them."""
_HIDDEN = re.compile(f"[{HIDDEN}]")
_FIRST_PLAIN = 0x20


def visible_form(text: str) -> str:
    """The text with escapes in place of what hides."""
    return _HIDDEN.sub(lambda match: _escaped(match[0]), text)


class Unhider:
    """Makes hidden characters visible, and hides them again in what comes back, so that quotes are found."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._shown: Counter[str] = Counter()

    def show(self, text: str) -> str:
        r"""The text with escapes such as `\\u{202e}` in place of what hides."""
        if text.isascii() and text.isprintable():
            return text
        return _HIDDEN.sub(self._escape, text)

    def _escape(self, match: re.Match[str]) -> str:
        self._shown[match[0]] += 1
        return _escaped(match[0])

    def hide(self, text: str) -> str:
        """A reply with the characters themselves; in JSON, the backslash of an escape may be doubled."""
        for character in self._shown:
            if ord(character) >= _FIRST_PLAIN:  # JSON takes no control characters as they are
                escaped = _escaped(character)
                text = text.replace(f"\\{escaped}", character).replace(escaped, character)
        return text

    def prompt(self, prompt: Prompt) -> Prompt:
        """The prompt with everything visible."""
        messages = tuple(Message(message.speaker, self.show(message.text)) for message in prompt.messages)
        return prompt if messages == prompt.messages else replace(prompt, messages=messages)

    @property
    def shown(self) -> Mapping[str, int]:
        """How often each was made visible, by its name in Unicode's way."""
        return {f"U+{ord(character):04X}": count for character, count in sorted(self._shown.items())}


def _escaped(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"
