"""Stand-ins for secrets: what leaves the machine, and back again in what comes home.

A secret is replaced by a word such as `REDACTED_AWS_KEY_1`, the same one wherever it stands, so that lines
keep their numbers and equal values stay equal. Who reads a reply gets the true values back: quotes are looked
up in the code as it is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.secret import STAND_IN, Secret
from reviewer.changes.secrets import find_secrets
from reviewer.prompting.hidden import visible_form
from reviewer.prompting.prompt import Message, Prompt, Speaker
from reviewer.prompting.tokens import estimate_tokens

_TOKEN = re.compile(r"(?<![A-Za-z0-9_])REDACTED_[A-Z_]+_\d+(?![A-Za-z0-9_])")
_MARGIN = re.compile(r" *\d* *[+ -]?\|")
"""What stands in front of a line of code in a prompt."""
_SHORTEST_OWN = 8
"""Characters; nothing shorter is a key."""
_MOST_EVERYWHERE = 500
"""Values that are looked for by themselves; more would take too long, and forms still find them."""
OWN = "OWN_KEY"
"""The kind of this program's own keys."""
_EXPLAINED = """
Secrets were taken out of the material before it was sent to you. Words such as {example} stand in for them:
the same word for the same value, and the real code has the real value there. Quote them as they stand. That a
secret is written into the code may be reported; that a stand-in is undefined, wrong or a placeholder may not.
"""


class Redactor:
    """Takes secrets out of texts and puts them back, with the same stand-ins for all of a run.

    Attributes:
        sent: how many different secrets of each kind were replaced in what was sent.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        """Begin with nothing known but some keys.

        Args:
            own: values of this program's own keys.
        """
        self._token_of: dict[str, str] = {}
        self._value_of: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._native: set[str] = set()
        self._lines: dict[str, str] = {}
        self._everywhere: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._sent: set[str] = set()
        for key in own:
            if len(key) >= _SHORTEST_OWN:
                self._stand_in(key, OWN, telling=True)

    def learn(self, changes: ChangeSet) -> None:
        """Look at a change as a whole: some secrets show only by their file, or the lines around them."""
        for change in changes.files:
            texts = [change.old_lines, change.new_lines]
            texts += [tuple(line.text for line in hunk.lines) for hunk in change.hunks]
            for lines in texts:
                self._learn_text("\n".join(lines or ()), change.path)

    def _learn_text(self, text: str, path: str) -> None:
        self._native.update(_TOKEN.findall(text))
        found = find_secrets(text, path)
        if not found:
            return
        before, after = text.split("\n"), self._replaced(text, found).split("\n")
        changed = {old: new for old, new in zip(before, after, strict=True) if old != new}
        # Models see what hides as escapes, so that a line has two forms.
        self._lines |= changed | {visible_form(old): visible_form(new) for old, new in changed.items()}

    def redact(self, text: str) -> str:
        """The text with stand-ins in place of secrets; it has as many lines as before."""
        if self._lines:
            text = "\n".join(map(self._line, text.split("\n")))
        if self._everywhere:
            if self._pattern is None:
                longest_first = "|".join(
                    map(re.escape, sorted(self._everywhere, key=lambda one: (-len(one), one)))
                )
                self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{longest_first})(?![A-Za-z0-9])")
            text = self._pattern.sub(lambda match: self._token_of[match[0]], text)
        return self._replaced(text, find_secrets(text))

    def _line(self, line: str) -> str:
        if line in self._lines:
            return self._lines[line]
        margin = _MARGIN.match(line)
        if margin is None or line[margin.end() :] not in self._lines:
            return line
        return margin[0] + self._lines[line[margin.end() :]]

    def _replaced(self, text: str, secrets: Iterable[Secret]) -> str:
        pieces, at = [], 0
        for secret in secrets:
            value = text[secret.start : secret.end]
            if value.startswith(STAND_IN):
                continue
            pieces += [text[at : secret.start], self._stand_in(value, secret.kind, telling=secret.telling)]
            at = secret.end
        return "".join((*pieces, text[at:]))

    def _stand_in(self, value: str, kind: str, *, telling: bool) -> str:
        if value not in self._token_of:
            token = ""
            while not token or token in self._native:
                self._counts[kind] += 1
                token = f"{STAND_IN}{kind}_{self._counts[kind]}"
            self._token_of[value], self._value_of[token] = token, value
        if telling and value not in self._everywhere and len(self._everywhere) < _MOST_EVERYWHERE:
            self._everywhere.add(value)
            self._pattern = None
        return self._token_of[value]

    def restore(self, text: str) -> str:
        """The text with the true values in place of stand-ins that were sent.

        Inside of JSON they are escaped as it needs.

        Our own keys never come back: nothing that is sent needs one, so that who names one wants to have it.
        """
        if STAND_IN not in text:
            return text
        is_json = "{" in text

        def value(match: re.Match[str]) -> str:
            known = self._value_of.get(match[0])
            if known is None or match[0] not in self._sent or _is_own(match[0]):
                return match[0]
            return json.dumps(known, ensure_ascii=False)[1:-1] if is_json else known

        return _TOKEN.sub(value, text)

    def scrub(self, text: str) -> str:
        """A text before it is written or posted: no secret that is known is in it, wherever it stands."""
        if not text:
            return text
        for value, token in self._token_of.items():
            # An ordinary word, as the password of a test, stands elsewhere in its own right.
            if len(value) >= _SHORTEST_OWN and (not value.isalpha() or _is_own(token)) and value in text:
                text = text.replace(value, token)
        return self.redact(text)

    def prompt(self, prompt: Prompt) -> Prompt:
        """The prompt without secrets; if there were any, it says what stands in for them."""
        texts = [self.redact(message.text) for message in prompt.messages]
        tokens = {token for text in texts for token in _TOKEN.findall(text) if token in self._value_of}
        if not tokens:
            return prompt
        self._sent |= tokens
        explained = _EXPLAINED.replace("\n", " ").strip().format(example=min(tokens))
        messages = [
            Message(message.speaker, text) for message, text in zip(prompt.messages, texts, strict=True)
        ]
        last = max(n for n, message in enumerate(messages) if message.speaker is Speaker.USER)
        messages[last] = Message(Speaker.USER, f"{messages[last].text.rstrip()}\n\n{explained}\n")
        more = estimate_tokens(explained)
        return replace(prompt, messages=tuple(messages), tokens=prompt.tokens + more)

    def stand_ins(self, texts: Iterable[str]) -> Mapping[str, int]:
        """How many different secrets are replaced in some texts, by kind."""
        tokens = {token for text in texts for token in _TOKEN.findall(text) if token in self._value_of}
        return _by_kind(tokens)

    def knows(self, text: str) -> bool:
        """Whether a text has a secret in it for which a stand-in was sent, or the stand-in."""
        tokens = {token for token in _TOKEN.findall(text) if token in self._value_of}
        return bool(tokens) or any(self._value_of[token] in text for token in self._sent)

    @property
    def sent(self) -> Mapping[str, int]:
        """How many different secrets were replaced in what was sent, by kind."""
        return _by_kind(self._sent)


def _is_own(token: str) -> bool:
    return token.startswith(f"{STAND_IN}{OWN}_")


def _by_kind(tokens: Iterable[str]) -> Mapping[str, int]:
    return Counter(token.removeprefix(STAND_IN).rpartition("_")[0] for token in sorted(tokens))
