"""One prompt to its answer, or to the reason why there is none, with everybody told."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from reviewer.crew import Crew
from reviewer.errors import ModelError, PromptTooLongError, ReplayError
from reviewer.events import PromptAnswered, PromptFailed
from reviewer.models.answer import Answer, Candidate, Journal, Read
from reviewer.prompting.prompt import Prompt

T = TypeVar("T")
_SHOWN_BUG = 200


def made(make: Callable[[], Prompt], bugs: list[Exception]) -> Prompt | str:
    """A prompt, or why it could not be made: a bug there must not cost what the other prompts brought.

    Args:
        make: makes it.
        bugs: takes errors that nobody expected.
    """
    try:
        return make()
    except Exception as error:  # noqa: BLE001  # a bug in making a prompt costs that prompt only
        bugs.append(error)
        return _bug(error)


def _bug(error: Exception) -> str:
    return f"a bug in reviewer: {type(error).__name__}: {' '.join(str(error).split())[:_SHOWN_BUG]}"


async def answer_of(  # noqa: PLR0913  # what asking needs
    crew: Crew,
    prompt: Prompt,
    chain: Sequence[Candidate],
    journal: Journal,
    read: Read[T],
    *,
    bugs: list[Exception],
) -> Answer[T] | str:
    """The answer, or why there is none.

    Args:
        crew: who asks.
        prompt: what is asked.
        chain: who is asked, best first.
        journal: filled while it is asked.
        read: makes the value.
        bugs: takes errors that nobody expected.

    Raises:
        PromptTooLongError: the prompt does not fit a model.
        ReplayError: a recording has no answer to it.
    """
    try:
        answer = await crew.asker.ask(prompt, chain, read, journal)
    except (PromptTooLongError, ReplayError):
        raise
    except ModelError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  # a bug must not cost what the other prompts brought
        bugs.append(error)
        problem = _bug(error)
    else:
        crew.asker.listener(_answered(prompt, answer))
        return answer
    crew.asker.listener(PromptFailed(prompt.role, prompt.label, problem))
    return problem


def _answered(prompt: Prompt, answer: Answer[T]) -> PromptAnswered:
    return PromptAnswered(
        prompt.role,
        prompt.label,
        str(answer.model),
        answer.seconds,
        estimated=answer.sent.tokens,
        counted=answer.reply.usage.prompt,
    )
