"""Retries, corrections and failover, with scripted models and a clock of their own."""

import anyio
import pytest

from reviewer.errors import (
    IncompleteStreamError,
    InvalidReplyError,
    KeyRejectedError,
    LoadingError,
    ModelMissingError,
    OutOfQuotaError,
    PromptTooLongError,
    RateLimitedError,
    ServerBrokenError,
)
from reviewer.events import Corrected, Event, FailedOver, PromptSent, RequestEnded, Retrying
from reviewer.models.answer import Candidate, Clock, Journal, NoAnswerError, Try
from reviewer.models.ask import Asker
from reviewer.models.breaker import BreakerPolicy
from reviewer.models.health import Health
from reviewer.models.model import USUAL, Manner, ModelRef, Reply
from reviewer.models.repeats import RetryPolicy
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind
from tests.support.person import Person

PROMPT = Prompt("r", ModelKind.GENERAL, Purpose.REVIEW, (Message(Speaker.USER, "U"),), None, 10, 100, "r")
BROKEN = ServerBrokenError("down")


def read(reply: Reply) -> str:
    if reply.text.startswith("bad"):
        raise InvalidReplyError("unreadable", text=reply.text, problems=("not JSON",))
    return reply.text


class World:
    """A clock that only counts, and a list of events."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.events: list[Event] = []
        self.clock = Clock(now=lambda: sum(self.slept), sleep=self.sleep, chance=lambda low, high: high)

    def note(self, event: Event) -> None:
        self.events.append(event)

    async def sleep(self, seconds: float) -> None:
        if not 0 < seconds < 0.05:  # the space between two requests
            self.slept.append(seconds)

    def ask(self, *models: Person, policy: RetryPolicy | None = None, health: Health | None = None):
        self.health = health or Health()
        asker = Asker(policy or RetryPolicy(), self.clock, self.note, self.health)
        chain = [Candidate(ModelRef("lab", f"m{n}"), model) for n, model in enumerate(models)]
        self.journal = Journal()
        return anyio.run(asker.ask, PROMPT, chain, read, self.journal)


@pytest.fixture
def world():
    return World()


def test_an_answer_needs_one_request(world):
    answer = world.ask(Person("fine"))
    assert (answer.value, str(answer.model), answer.tries) == (
        "fine",
        "lab/m0",
        (Try(ModelRef("lab", "m0"), seconds=0),),
    )
    assert world.events == [PromptSent("r", "r", "lab/m0", 10), RequestEnded("r", "r", "lab/m0", 0)]


def test_passing_failures_are_tried_again_with_growing_pauses(world):
    answer = world.ask(Person(BROKEN, BROKEN, "fine"))
    assert answer.value == "fine"
    assert world.slept == [1.0, 2.0]
    assert [t.problem for t in answer.tries] == ["down", "down", ""]
    assert next(e for e in world.events if isinstance(e, Retrying)).wait == 1.0


def test_attempts_are_bounded_then_the_next_model_is_asked(world):
    first, second = Person(BROKEN), Person("fine")
    answer = world.ask(first, second)
    assert (len(first.asked), len(second.asked), str(answer.model)) == (3, 1, "lab/m1")
    (event,) = [e for e in world.events if isinstance(e, FailedOver)]
    assert (event.model, event.successor, event.reason) == ("lab/m0", "lab/m1", "down")


def test_server_says_how_long_to_wait(world):
    world.ask(
        Person(RateLimitedError("slow", retry_after=7.0), RateLimitedError("slow", retry_after=0.0), "fine")
    )
    assert world.slept == [8.0, 1.0], "as long as it says, and a random part"


def test_a_wait_that_is_too_long_is_not_waited(world):
    answer = world.ask(Person(RateLimitedError("slow", retry_after=500.0)), Person("fine"))
    assert (world.slept, str(answer.model)) == ([], "lab/m1")


def test_pauses_have_a_limit(world):
    policy = RetryPolicy(attempts=9, backoff_limit=5.0)
    with pytest.raises(NoAnswerError):
        world.ask(Person(BROKEN), policy=policy, health=Health(BreakerPolicy(in_a_row=20, window=20)))
    assert world.slept == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize("error", [ModelMissingError("gone"), KeyRejectedError("key")])
def test_lasting_failures_are_not_repeated(world, error):
    with pytest.raises(NoAnswerError) as caught:
        world.ask(Person(error))
    assert (len(world.journal.tries), caught.value.last) == (1, error)


def test_unreadable_answer_goes_back_once_with_what_was_wrong(world):
    model = Person("bad one", "fine")
    answer = world.ask(model)
    assert answer.value == "fine"
    assert model.asked[1].messages[1].text == "bad one"
    assert "- not JSON" in model.asked[1].messages[2].text
    assert [t.problem for t in answer.tries] == ["unreadable answer: unreadable", ""]
    assert answer.unread == ("bad one",), "it may hold findings that the correction lacks"
    assert answer.sent is model.asked[1]
    assert any(isinstance(e, Corrected) for e in world.events)


def test_second_unreadable_answer_goes_to_the_next_model_and_is_kept(world):
    answer = world.ask(Person("bad one", "bad two", "bad three"), Person("fine"))
    assert str(answer.model) == "lab/m1"
    with pytest.raises(NoAnswerError) as caught:
        world.ask(Person("bad one", "bad two", "bad three"))
    assert world.journal.unread == ["bad one", "bad two", "bad three"]
    assert isinstance(caught.value.last, InvalidReplyError)


def test_corrections_do_not_use_up_attempts(world):
    answer = world.ask(Person(BROKEN, "bad", BROKEN, "fine"))
    assert answer.value == "fine"
    assert len(answer.tries) == 4


def test_long_unreadable_answer_is_sent_back_shortened(world):
    model = Person("bad" + "x" * 9000, "fine")
    world.ask(model)
    assert len(model.asked[1].messages[1].text) == 2000


def test_correction_that_is_too_long_does_not_make_the_prompt_too_long(world):
    answer = world.ask(Person("bad", PromptTooLongError("too long")), Person("fine"))
    assert str(answer.model) == "lab/m1"


def test_prompt_that_is_too_long_is_for_the_caller(world):
    with pytest.raises(PromptTooLongError):
        world.ask(Person(PromptTooLongError("too long")), Person("fine"))


def test_nothing_is_forgotten_when_a_later_model_finds_the_prompt_too_long(world):
    with pytest.raises(PromptTooLongError):
        world.ask(Person("bad one", "bad two", "bad three"), Person(PromptTooLongError("too long")))
    assert world.journal.unread == ["bad one", "bad two", "bad three"]
    assert [str(one.model) for one in world.journal.tries] == ["lab/m0"] * 3 + ["lab/m1"]


def test_every_model_s_reason_is_given(world):
    with pytest.raises(NoAnswerError) as caught:
        world.ask(Person(ModelMissingError("gone")), Person(KeyRejectedError("no key")))
    assert str(caught.value) == "lab/m0: gone; lab/m1: no key"


def test_a_request_that_is_stopped_is_noted(world):
    journal = Journal()
    scopes: list[anyio.CancelScope] = []

    class Silent(Person):
        async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
            scopes[0].cancel()
            await anyio.sleep_forever()
            return Reply(f"{model} never comes here")

    async def stopped():
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            chain = [Candidate(ModelRef("lab", "m"), Silent("bad"))]
            await Asker(clock=world.clock).ask(PROMPT, chain, read, journal)

    anyio.run(stopped)
    assert [one.problem for one in journal.tries] == ["stopped before the answer"]


def test_beginnings_of_answers_are_kept(world):
    broken = IncompleteStreamError("broke off", partial='{"findings": [')
    with pytest.raises(NoAnswerError):
        world.ask(Person(broken, BROKEN))
    assert world.journal.broken == ['{"findings": [']
    answer = world.ask(Person(broken, "fine"))
    assert answer.unread == ('{"findings": [',)


def test_a_reply_on_which_the_reader_fails_is_kept(world):
    def fail(reply: Reply) -> str:
        raise RecursionError(reply.text)

    journal = Journal()
    with pytest.raises(RecursionError):
        anyio.run(Asker().ask, PROMPT, [Candidate(ModelRef("lab", "m"), Person("deep"))], fail, journal)
    assert journal.unread == ["deep"]


def test_an_empty_chain_is_a_mistake_of_the_caller(world):
    with pytest.raises(ValueError, match="at least one"):
        world.ask()


def test_a_limit_without_a_wait_is_one_of_the_month_where_waits_are_always_named(world):
    unusual = RateLimitedError("slow")
    unusual.unusual = True
    first, second = Person(unusual), Person("fine")
    with pytest.raises(NoAnswerError, match="slow. It names no wait"):
        world.ask(first, second)
    assert (len(first.asked), len(second.asked)) == (2, 0), "the account is the same for all models"
    assert isinstance(world.health.why_out(ModelRef("lab", "m0"), 0), OutOfQuotaError)


class Slow(Person):
    """Loads for a while; its health can be asked."""

    def __init__(self, looks: int, *outcomes: str | Reply | Exception) -> None:
        super().__init__(*outcomes)
        self.looks = looks

    async def ready(self) -> bool:
        self.looks -= 1
        if self.looks == -5:
            raise ServerBrokenError("gone")
        return self.looks <= 0


def test_a_prompt_is_not_sent_while_a_model_is_loading(world):
    loading = LoadingError("loading")
    model = Slow(4, loading, "fine")
    assert world.ask(model).value == "fine"
    assert len(model.asked) == 2, "once in vain, once when it was ready"
    assert world.slept == [2.0, 2.0, 2.0, 2.0]


def test_a_server_that_goes_away_while_it_loads_is_asked_and_says_so(world):
    model = Slow(-4, LoadingError("loading"), KeyRejectedError("key"))
    with pytest.raises(NoAnswerError, match="key"):
        world.ask(model)


def test_the_last_model_is_waited_for_if_it_has_answered_before(world):
    """It may only be starting again; a model that never answered is given up at once."""
    health = Health(BreakerPolicy(in_a_row=3))
    assert world.ask(Person("fine"), health=health).value == "fine"
    with pytest.raises(NoAnswerError):
        world.ask(Person(BROKEN), health=health)
    assert world.ask(Person("back"), health=health).value == "back"
    assert world.slept == [1.0, 2.0, 30.0]
    never = Health()
    with pytest.raises(NoAnswerError):
        world.ask(Person(BROKEN), health=never)
    before = list(world.slept)
    with pytest.raises(NoAnswerError, match="failed several times and is left alone"):
        world.ask(Person("back"), health=never)
    assert world.slept == before


def test_a_model_that_is_left_alone_is_passed_over_at_once(world):
    health = Health()
    with pytest.raises(NoAnswerError):
        world.ask(Person(BROKEN), health=health)
    first = Person("never asked")
    answer = world.ask(first, Person("fine"), health=health)
    assert (first.asked, str(answer.model)) == ([], "lab/m1")
