"""The fourth voice: a summary of which every sentence names the findings that it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reviewer.errors import InvalidReplyError
from reviewer.findings.extract import MAX_CHARACTERS, last_first
from reviewer.findings.fields import first, horizon_of, text_of, texts_of
from reviewer.findings.finding import Action, Cited
from reviewer.models.model import Reply

_MOST = 12
"""Sentences, and actions, that are kept."""


@dataclass(frozen=True, slots=True)
class ReadSynthesis:
    """A reply of which every sentence and every action cites findings that there are."""

    sentences: tuple[Cited, ...]
    actions: tuple[Action, ...]


def read_synthesis(reply: Reply, labels: Mapping[str, str]) -> ReadSynthesis:
    """Understand a reply as a synthesis.

    Args:
        reply: the reply.
        labels: ids of findings by the labels that they had in the prompt.

    Raises:
        InvalidReplyError: it is none, or a sentence cites nothing, or a finding that there is not.
    """
    text = (reply.text or reply.reasoning)[:MAX_CHARACTERS]
    problems: list[str] = []
    for value in (candidate.value for candidate in last_first(text) if not candidate.cut):
        if not isinstance(value, dict) or not isinstance(value.get("summary"), list):
            continue
        problems = []
        sentences = tuple(_cited(value["summary"], labels, problems))
        entries = first(value, ("actions", "priority_actions"))
        listed = entries if isinstance(entries, list) else []
        actions = tuple(
            Action(cited.text, cited.findings, horizon_of(_horizon(entry)))
            for entry in listed[:_MOST]
            for cited in _cited([entry], labels, problems)
        )
        if sentences and not problems:
            return ReadSynthesis(sentences, actions)
    found = tuple(dict.fromkeys(problems)) or ('there is no JSON object with a list named "summary"',)
    raise InvalidReplyError("the synthesis could not be used", text=text, problems=found)


def _horizon(entry: Any) -> Any:
    return first(entry, ("horizon", "when")) if isinstance(entry, dict) else None


def _cited(entries: Sequence[Any], labels: Mapping[str, str], problems: list[str]) -> Iterator[Cited]:
    """Sentences with their findings; what is wrong with the others is added to the problems."""
    for entry in entries[:_MOST]:
        text = (
            text_of(first(entry, ("text", "sentence", "action")))
            if isinstance(entry, dict)
            else text_of(entry)
        )
        if not text:
            continue
        named = texts_of(first(entry, ("findings", "labels", "ids"))) if isinstance(entry, dict) else ()
        clean = [name.strip(" []*`.,").upper() for name in named]
        unknown = [name for name in clean if name not in labels]
        if not clean:
            problems.append(f"this names no finding: {text}")
        elif unknown:
            problems.append(f"there is no finding {unknown[0]}: {text}")
        else:
            yield Cited(text, tuple(dict.fromkeys(labels[name] for name in clean)))
