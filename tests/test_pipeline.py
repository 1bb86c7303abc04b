"""From a plan to a report with reviewers of all kinds: what went wrong is said, and costs nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reviewer.appraise import doubts
from reviewer.assignment import Assignment
from reviewer.closing import results_text
from reviewer.crew import Crew
from reviewer.errors import (
    ContentRefusedError,
    IncompleteStreamError,
    ModelError,
    PromptTooLongError,
    ServerBrokenError,
)
from reviewer.findings.reply import read_review
from reviewer.models.answer import Answer, Clock
from reviewer.models.ask import Asker
from reviewer.models.model import USUAL, Backend, Finish, Manner, ModelRef, Reply, Usage
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs.markdown import render
from reviewer.outputs.report import Status
from reviewer.pipeline import Outcome, review
from reviewer.plan import Plan, make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Prompt, Purpose, Wording, overhead_tokens
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import SAFETY, Calibration, estimate_tokens
from reviewer.record import Answered
from tests.support.person import Person
from tests.support.roles import reviewing_roles
from tests.support.values import changes, finding
from tests.support.values import review as reply

ROLES = reviewing_roles()
WORDING = Wording(Templates(load_partials([built_in_folder()])))
LARGE = b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,60 @@\n" + b"".join(
    b"+value_%d = compute(%d, %d)\n" % (n, n, n) for n in range(60)
)
ALL = ("shop/cart.py", "shop/util.go")


def run(**people: Backend) -> Outcome:
    """The shipped roles, each asked of one person."""
    names = list(people)
    assignments = [
        Assignment(role, (ModelRef(names[number % len(names)], "m"),))
        for number, role in enumerate(ROLES.values())
    ]
    plan = make_plan(changes(), assignments, WORDING, windows={}, calibration=Calibration())
    return ask(plan, **people)


def ask(plan: Plan, **people: Backend) -> Outcome:
    async def nothing(seconds: float) -> None:
        del seconds

    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    policy = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC))
    return anyio.run(review, plan, Crew(asker, people, WORDING), policy)


def test_an_error_that_nobody_expected_costs_one_role():
    outcome = run(
        ann=Person(Reply(reply(finding()))), bob=Person(ZeroDivisionError("oh")), cid=Person(Reply(reply()))
    )
    assert [review.status for review in outcome.report.reviews] == ["completed", "failed", "completed"]
    assert outcome.report.status is Status.INCOMPLETE
    assert len(outcome.report.findings) == 1
    assert "a bug in reviewer: ZeroDivisionError: oh" in outcome.report.reviews[1].reasons[0]
    assert [type(bug) for bug in outcome.bugs] == [ZeroDivisionError]


def test_an_answer_that_could_not_be_read_is_kept_although_its_correction_could():
    outcome = run(ann=Person(Reply("I found nothing wrong, really."), Reply(reply())))
    first = outcome.report.reviews[0]
    assert first.unparsed == ("I found nothing wrong, really.",)
    assert (first.status, outcome.report.status) == ("partial", Status.INCOMPLETE)
    assert "an earlier answer to the same prompt could not be read" in first.reasons[0]


def test_a_correction_with_findings_counts_in_full():
    outcome = run(ann=Person(Reply("?"), Reply(reply(finding()))))
    assert outcome.report.reviews[0].status == "completed"
    assert outcome.report.reviews[0].unparsed == ("?",)


def test_the_beginning_of_an_answer_is_kept_when_no_end_came():
    broken = IncompleteStreamError("broke off", partial='{"findings": [{"file"')
    outcome = run(ann=Person(broken, ModelError("gone")))
    assert outcome.report.reviews[0].unparsed == ('{"findings": [{"file"',)


def test_failover_says_who_answered_instead_of_whom_and_why():
    role = ROLES["code_quality"]
    chain = (ModelRef("ann", "big"), ModelRef("bob", "small"))
    plan = make_plan(changes(), [Assignment(role, chain)], WORDING, windows={}, calibration=Calibration())
    outcome = ask(plan, ann=Person(ModelError("out of money")), bob=Person(Reply(reply())))
    (only,) = outcome.report.reviews
    assert (only.model, only.planned_model) == ("bob/small", "ann/big")
    assert only.notes == ("bob/small answered the prompt instead of ann/big (out of money)",)
    assert (outcome.report.usage.requests, outcome.report.usage.failovers) == (2, 1)


def test_requests_of_a_prompt_that_was_divided_are_counted():
    role = ROLES["code_quality"]
    assignment = Assignment(role, (ModelRef("ann", "m"),))
    plan = make_plan(changes(LARGE), [assignment], WORDING, windows={}, calibration=Calibration())
    person = Person(PromptTooLongError("too long", asked=9000, limit=8000), Reply(reply()))
    outcome = ask(plan, ann=person)
    assert outcome.report.usage.requests == len(person.asked) > 3


def answered(
    text: str, *, unread: tuple[str, ...] = (), counted: int | None = None, **more: object
) -> Answered:
    role = ROLES["code_quality"]
    assignment = Assignment(role, (ModelRef("ann", "m"),))
    plan = make_plan(changes(), [assignment], WORDING, windows={}, calibration=Calibration())
    ((prompt, batch),) = plan.roles[0].asked
    given = replace(Reply(text, usage=Usage(prompt=counted)), **more)  # type: ignore[arg-type]
    answer = Answer(read_review(given), given, ModelRef("ann", "m"), prompt, (), unread, 0.0)
    return Answered(batch, prompt, answer)


def test_a_reply_with_two_reviews_is_kept_whole():
    text = f"{reply(finding())}\n\nOr rather:\n\n{reply()}"
    outcome = run(ann=Person(Reply(text)))
    first = outcome.report.reviews[0]
    assert (first.status, first.unparsed) == ("partial", (text,))
    assert "a second review of the same files, with 1 finding" in first.reasons[0]


@pytest.mark.parametrize(
    ("files", "doubt"),
    [
        (ALL, ""),
        (["./shop/cart.py", "`shop/util.go` (new)"], ""),
        (["cart.py", "Util.go"], ""),
        (["shop/cart.py (lines 1-20)", "shop/util.go - read"], ""),
        (["shop/cart.pyx", "myutil.go"], "does not say that it has read shop/cart.py, shop/util.go"),
        (["shop\\cart.py", "shop\\util.go:1-5"], ""),
        ([], "does not say that it has read shop/cart.py, shop/util.go"),
        (["shop/cart.py"], "does not say that it has read shop/util.go"),
        (["src/example.py"], "does not say that it has read shop/cart.py"),
        (["", "  "], "does not say that it has read shop/cart.py"),
    ],
)
def test_an_empty_list_counts_only_for_files_that_were_read(files, doubt):
    found = doubts(answered(reply(files_reviewed=files)), Calibration())
    assert doubt in " ".join(found)
    assert bool(found) == bool(doubt)


def test_findings_speak_for_themselves_unless_they_are_invented():
    item = answered(reply(finding(), files_reviewed=[]))
    assert doubts(item, Calibration()) == ()
    assert "does not say that it has read" in doubts(item, Calibration(), set())[0]
    assert doubts(answered(reply(finding())), Calibration(), set()) == (), (
        "one, by somebody who read the files"
    )
    several = answered(reply(finding(), finding(title="Other")))
    assert "may be invented" in doubts(several, Calibration(), set())[0]


def test_a_part_that_talks_of_something_else_is_not_covered_by_another_part():
    role = ROLES["code_quality"]
    plan = make_plan(
        changes(LARGE),
        [Assignment(replace(role, limits=replace(role.limits, prompt_tokens=1)), (ModelRef("ann", "m"),))],
        WORDING,
        windows={},
        calibration=Calibration(),
    )
    good = reply(finding(file="a.py", quote="value_0 = compute(0, 0)"), files_reviewed=["a.py"])
    foreign = reply(finding(file="main.c", quote="int main()"), files_reviewed=["main.c"])
    outcome = ask(plan, ann=Person(good, foreign))
    (only,) = outcome.report.reviews
    assert (only.status, outcome.report.status) == ("partial", Status.INCOMPLETE)


def test_requests_are_counted_by_what_made_them():
    role = ROLES["code_quality"]
    chain = (ModelRef("ann", "big"), ModelRef("bob", "small"))
    plan = make_plan(changes(), [Assignment(role, chain)], WORDING, windows={}, calibration=Calibration())
    broken = ServerBrokenError("down")
    unread = Reply("?", usage=Usage(100, 10))
    outcome = ask(
        plan, ann=Person(broken, unread, broken, "??"), bob=Person(broken, Reply(reply(), usage=Usage(50, 5)))
    )
    usage = outcome.report.usage
    assert (usage.requests, usage.retries, usage.corrections, usage.failovers) == (7, 3, 2, 1)
    tokens = {model.model: (model.requests, model.answers, model.prompt_tokens) for model in usage.models}
    assert tokens == {"ann/big": (5, 0, 100), "bob/small": (2, 1, 50)}


def test_what_arrived_is_kept_whatever_ended_it():
    filtered = ContentRefusedError("stopped by a filter")
    filtered.partial = '{"findings": [{"file": "x"'
    outcome = run(ann=Person(filtered))
    assert outcome.report.reviews[0].unparsed == ('{"findings": [{"file": "x"',)
    half = IncompleteStreamError("broke off", partial='{"findings": [{"title": "Bad"')
    outcome = run(ann=Person(half, Reply(reply())))
    assert outcome.report.reviews[0].unparsed == ('{"findings": [{"title": "Bad"',)
    assert outcome.report.status is Status.INCOMPLETE, "the first answer had something to say"


def test_a_server_that_counts_too_few_tokens_has_cut_the_prompt():
    item = answered(reply(), counted=0)
    estimated = item.answer.sent.tokens
    assert estimated > 1000
    for share, known, cut in [(0.75, 1.0, False), (0.65, 1.0, True), (0.65, 0.7, True), (0.9, 1.4, True)]:
        text = answered(reply(), counted=round(share * estimated))
        found = doubts(text, Calibration({"ann/m": known}))
        assert bool(found) is cut, (share, known)
    assert "it may have cut the prompt" in found[0]


def test_a_cut_prompt_teaches_nothing_about_tokens():
    calibration = Calibration().observe("m", estimated=4000, counted=1000)
    assert calibration.factor("m") == 1.0
    assert calibration.observe("m", estimated=4000, counted=3200).factor("m") == 0.8


def test_an_answer_that_did_not_end_normally_is_doubtful():
    assert "ended with 'length'" in " ".join(doubts(answered(reply(), finish=Finish.LENGTH), Calibration()))


def test_a_closing_prompt_has_a_limit_and_the_worst_findings_come_first():
    worst = finding(severity="critical", title="Worst")
    many = [finding(title=f"Small {n}", severity="minor") for n in range(400)]
    item = answered(reply(*many, worst))
    text = results_text([item], budget=1000)
    assert estimate_tokens(text) <= 1000
    rows = text.splitlines()
    assert rows[0].startswith("Part 1 (shop/cart.py, shop/util.go), rated 7/10: Changes how")
    assert rows[1].startswith("- part 1, critical, high confidence, shop/cart.py: Worst: An empty cart")
    assert rows[-1].endswith("more lines of results did not fit here.)")


def test_a_stopped_closing_prompt_is_missing():
    begun: list[anyio.Event] = []

    async def stop_at_the_end() -> str:
        await begun[0].wait()
        return "enough"

    class Slow(Person):
        async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
            if prompt.purpose is Purpose.VERDICT:
                begun[0].set()
                await anyio.sleep_forever()
            return await super().ask(model, prompt)

    async def main() -> Outcome:
        begun.append(anyio.Event())
        crew = Crew(Asker(), {"ann": Slow(Reply(reply(files_reviewed=["a.py"])))}, WORDING)
        return await review(plan, crew, RunPolicy(datetime(2024, 1, 1, tzinfo=UTC)), stop_at_the_end)

    role = ROLES["code_quality"]
    window = overhead_tokens(role, WORDING, snapshot=False)
    small = replace(role, limits=replace(role.limits, prompt_tokens=window + 120))
    assignment = Assignment(small, (ModelRef("ann", "m"),))
    plan = make_plan(changes(LARGE), [assignment], WORDING, windows={}, calibration=Calibration())
    assert plan.prompts > 2
    outcome = anyio.run(main)
    (only,) = outcome.report.reviews
    assert (only.status, outcome.report.status) == ("partial", Status.INCOMPLETE)
    assert only.reasons == ("no closing opinion, rating and summary are computed: stopped: enough",)
    assert outcome.report.usage.requests == plan.prompts


@given(
    files=st.lists(st.tuples(st.integers(1, 80), st.integers(1, 200)), min_size=1, max_size=20),
    window=st.integers(9000, 30000),
    factor=st.floats(0.7, 2.0),
)
@example(files=[(30, 200)] * 60, window=9000, factor=1.0)
@settings(max_examples=12, deadline=None)
def test_no_prompt_is_longer_than_its_model_s_window(files, window, factor):
    patch = "".join(
        f"--- /dev/null\n+++ b/{'deep/' * (length // 5)}f{number}.py\n@@ -0,0 +1,{lines} @@\n"
        + "".join(f"+value_{n} = compute({n}, 'text')\n" for n in range(lines))
        for number, (lines, length) in enumerate(files)
    )
    model = ModelRef("ann", "m")
    calibration = Calibration({"ann/m": factor})
    assignments = [Assignment(role, (model,)) for role in ROLES.values()]
    plan = make_plan(
        changes(patch.encode()), assignments, WORDING, windows={model: window}, calibration=calibration
    )
    for planned in plan.roles:
        for prompt in planned.prompts:
            assert prompt.tokens * factor * SAFETY + prompt.output_tokens <= window


def test_many_small_findings_are_listed_in_short():
    small = [
        finding(title=f"Small {n}", explanation=f"Thing {n} of its own kind.", severity="minor", line=n + 1,
                file="a.py", quote=f"value_{n} = compute({n}, {n})", recommendation="Mend it.")
        for n in range(60)
    ]  # fmt: skip
    role = replace(ROLES["code_quality"], limits=replace(ROLES["code_quality"].limits, prompt_tokens=9000))
    assignment = Assignment(role, (ModelRef("ann", "m"),))
    plan = make_plan(changes(LARGE), [assignment], WORDING, windows={}, calibration=Calibration())
    outcome = ask(plan, ann=Person(reply(*small, files_reviewed=["a.py"])))
    page = render(outcome.report)
    assert "### Minor (60)" in page
    assert page.count("#### N") == 50
    assert "The other 10 findings in short" in page
    assert "- **N60** `a.py:60`: Small 59" in page
    assert "1. **N1, N2, N3, N4, N5 and 55 more** Mend it." in page


def test_a_report_in_which_everything_is_said_by_two():
    """The second voice is heard where it differs: its place, its words, its suggestion."""
    one = finding(suggestion="        return total / (count or 1)")
    two = finding(
        line=13,
        quote="        count = len(items)",
        explanation="The guard against an empty cart is gone.",
        suggestion="        count = max(1, len(items))",
        severity="minor",
    )
    outcome = run(ann=Person(reply(one)), bob=Person(reply(two)), cid=Person(reply(one)))
    (merged,) = outcome.report.findings
    assert merged.reviewers == ("architecture", "code_quality", "deep_analysis")
    page = render(outcome.report)
    assert page.count("Also said about this:") == 1
    assert "- **Code quality** (minor, `shop/cart.py:13`): Division by zero" in page
    assert "Suggested by Code quality (not tested):\n\n```python\n        count = max(1, len(items))" in page
    assert "Deep analysis** (major)" not in page, "it says the same as the first one"
