"""A model whose findings a test can foresee."""

import re
from dataclasses import dataclass
from typing import Any

from tests.support.server import Answer, streamed
from tests.support.values import finding, review


@dataclass
class Reviewer:
    """A model that calls every added line with `eval(` dangerous, and with `context` every one."""

    also: tuple[str, ...] = ("eval(",)
    broken: bool = False
    context: bool = False

    def __call__(self, body: dict[str, Any]) -> Answer:
        text = body["messages"][1]["content"]
        paths = re.findall(r"^=== (.+?) \(", text, re.MULTILINE)
        if self.broken:
            return Answer(500)
        claims, path = [], ""
        for row in text.split("\n"):
            heading = re.match(r"=== (.+?) \(", row)
            path = heading[1] if heading else path
            line = re.match(r" *(\d+) [+ ]\|(.*)" if self.context else r" *(\d+) \+\|(.*)", row)
            if line and any(part in line[2] for part in self.also):
                title = f"Line with {line[2].strip()[:30]}"
                words = "Ask @octocat, see #12 and https://evil.example/?x=1 <img src=x>."
                claims.append(
                    finding(
                        file=path, line=int(line[1]), quote=line[2].strip(), title=title, explanation=words
                    )
                )
        return streamed(review(*claims, files_reviewed=paths))
