"""How a review gets on after a fault: smaller prompts, another model, a pause, or what was there until it was stopped."""

import json
import os
import re
import signal
import threading
import time

import pytest

from reviewer.config.places import user_file
from reviewer.models.answer import Clock
from tests.faults.cases import BUSY, CLEAN, FILES, FOUND, PROBLEM, counted, delta, events, message
from tests.findings.test_reply import READABLE, REFUSED
from tests.support.samples import FOLDER, sample
from tests.support.server import Answer, error, honest, plain, streamed
from tests.support.values import review


def shown_files(body) -> list[str]:
    return re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)


TEXTS = [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens",
    "exceed context limit",
    "prompt is too long: 207791 tokens > 200000 maximum",
    "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "The input token count (9999) exceeds the maximum number of tokens allowed (8000).",
    "The prompt is longer than the model's context length",
    "Input tokens exceed the configured limit of 8000 tokens. Your messages resulted in 9000 tokens.",
    "Input does not fit in context length. The input has 9430 tokens, but the context length only supports 8000 tokens.",
    "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens",
    "The number of tokens to keep from the initial prompt is greater than the context length",
    "Context size has been exceeded.",
    "context shift is disabled",
    "input is too large to process. increase the physical batch size",
    "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8000",
    "Please reduce the length of the messages or completion.",
    "the input length exceeds the context length",
    "Prompt contains 9202 tokens and 0 draft tokens, too large for model with 8072 maximum context length",
    "You passed 9000 input tokens and requested 4096 output tokens, resulting in a maximum input length of 8000 tokens.",
    "max_tokens must be at least 1, got -186.",
]
RECORDED = sorted(file.relative_to(FOLDER).with_suffix("") for file in FOLDER.glob("*/overflow*.http"))
SPOKEN = [path for path in RECORDED if path.name != "overflow-silent-stream-200"]


def test_27_every_way_to_say_that_a_prompt_is_too_long(lab):
    """The next request shows less of the change, and all of it is reviewed in the end."""
    for refusal in [*(error(400, text) for text in TEXTS), *(sample(str(p.parent), p.name) for p in SPOKEN)]:
        text = refusal.pieces[0].decode()

        def both_are_too_much(body, refusal=refusal):
            return refusal if len(shown_files(body)) > 1 else honest(body)

        made = lab.review({"big": [both_are_too_much]})
        sizes = [len(body["messages"][1]["content"]) for body in made.bodies if len(shown_files(body))]
        assert made.exit == 0, (text, made.said[-1500:])
        assert made.failures == {"PromptTooLongError": 1}, text
        assert max(sizes[1:]) < sizes[0], text
        assert "divided into" in made.said


def test_27_only_the_reply_is_too_long(lab):
    """Nothing is divided then: a shorter reply is asked for."""
    refusal = error(
        400, "input length and `max_tokens` exceed context limit: 3000 + 8192 > 8000, decrease max_tokens"
    )
    made = lab.review({"big": [lambda body: refusal if body["max_tokens"] > 5000 else honest(body)]})
    assert (made.exit, [body["max_tokens"] for body in made.bodies]) == (0, [8192, 4750])


def test_28_a_prompt_that_was_cut_without_a_word(lab):
    """A tenth of the tokens was counted: the part is asked about again in smaller pieces, and the report says so."""
    cut_answer = counted(290)

    def cut(body) -> Answer:
        return cut_answer(body) if len(shown_files(body)) > 1 else honest(body)

    made = lab.review({"big": [cut]})
    assert made.exit == 0, made.said[-3000:]
    assert [len(shown_files(body)) for body in made.bodies[:3]] == [2, 1, 1]
    assert "it has cut the prompt" in made.said


def test_28_a_server_that_cuts_every_prompt(lab):
    made = lab.review({"big": [counted(290)]})
    assert (made.exit, made.status) == (3, "incomplete")
    assert "it may have cut the prompt" in made.page
    assert made.calls["big"] < 40


SMALL = {"id": "small", "max_model_len": 4600}


def test_32_a_fallback_with_a_smaller_window_gets_smaller_parts(lab):
    made = lab.review({"big": [BUSY]}, chain=("lab/big", "lab/small"), models=("big", SMALL))
    assert made.exit == 0, made.said[-2000:]
    assert made.calls["big"] == 3
    sizes = [len(body["messages"][1]["content"]) for body in made.bodies]
    assert made.calls["small"] > 1
    assert max(sizes[3:]) < sizes[0]
    assert "lab/small answered" in made.page
    assert "instead of lab/big (lab (503): busy)" in made.page
    assert "has a window of 4,600 tokens, too few for this prompt" in made.said


def test_a_fallback_gets_the_whole_request_not_the_rest(lab):
    half = events(delta(PROBLEM[:300]), end=False)
    made = lab.review({"big": [half]}, chain=("lab/big", "lab/small"))
    assert made.bodies[-1]["messages"] == made.bodies[0]["messages"]
    assert PROBLEM[:300] in made.report.reviews[0].unparsed
    assert made.calls == {"big": 3, "small": 1}
    assert made.bodies[2]["stream"] is False, "in one piece after two streams that broke off"


def test_a_limited_model_is_waited_for_not_replaced(lab):
    limited = error(429, "slow", Retry_After="30")
    made = lab.review({"big": [limited, limited, honest]}, chain=("lab/big", "lab/small"))
    assert (made.exit, made.calls) == (0, {"big": 3})
    assert made.slept == [31.0, 31.0]
    assert "asks for patience: 1 request at once from now on, none for 30 s" in made.said


def test_a_wait_that_is_too_long_is_a_reason_for_the_next_model(lab):
    made = lab.review({"big": [error(429, "slow", Retry_After="600")]}, chain=("lab/big", "lab/small"))
    assert (made.exit, made.calls, made.slept) == (0, {"big": 1, "small": 1}, [])


def test_an_account_without_money_is_not_asked_again_for_another_model(lab):
    made = lab.review({"big": [error(402, "no credits")]}, chain=("lab/big", "lab/small"))
    assert (made.exit, made.calls) == (3, {"big": 1}), "the same provider, the same account"


def test_a_filter_is_not_asked_twice(lab):
    made = lab.review({"big": [message("", "content_filter")]}, chain=("lab/big", "lab/small"))
    assert (made.exit, made.calls) == (0, {"big": 1, "small": 1})


def test_what_a_server_refused_of_its_model_is_read(lab):
    """Groq hands over what its model wrote when that is not the JSON that was asked for."""
    body = {
        "error": {
            "message": "Failed to validate JSON",
            "code": "json_validate_failed",
            "failed_generation": PROBLEM,
        }
    }
    made = lab.review({"big": [plain(body, 400)]})
    assert (len(made.report.findings), made.calls["big"]) == (1, 1)
    empty = {
        "error": {
            "message": "Failed to generate JSON",
            "code": "json_validate_failed",
            "failed_generation": "",
        }
    }
    made = lab.review({"big": [plain(empty, 400), honest]})
    assert (made.exit, made.calls["big"]) == (0, 2)


MALFORMED = READABLE | REFUSED


@pytest.mark.parametrize("name", MALFORMED)
def test_35_malformed_replies(name, lab):
    """A reply with a finding in it never ends as a clean review."""
    text = MALFORMED[name]
    made = lab.review({"big": [streamed(text if isinstance(text, str) else text[0])]})
    assert made.status != "clean"
    assert made.calls["big"] <= 7, "divided once, and a closing opinion that cannot be read either"


def test_36_what_is_no_text_can_be_written(lab):
    made = lab.review({"big": [message("\ud83d" + PROBLEM)]})
    assert made.page.encode("utf-8")


def test_43_time_cannot_jump():
    """Cool-downs are measured by a clock that nobody can set."""
    assert Clock().now is time.monotonic


def test_44_ctrl_c_keeps_what_is_there(lab):
    """One part is answered, the other never will be; the report has the first and names the second."""

    def one_hangs(body) -> Answer:
        if "shop/part_1.py" in shown_files(body):
            return Answer(silent=True)
        return streamed(review(FOUND, files_reviewed=FILES[:1]))

    def both(body) -> Answer:
        return error(400, "context size has been exceeded") if len(shown_files(body)) > 1 else one_hangs(body)

    def interrupt():
        lab.waiting.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    made = lab.review({"big": [both]}, provider="concurrency = 1")
    thread.join(5)
    assert (made.exit, made.status) == (130, "incomplete")
    assert len(made.report.findings) == 1
    assert "shop/part_1.py" in [part.path for part in made.report.coverage.skipped]
    assert "interrupted" in made.page


def test_no_file_of_the_user_is_needed(lab):
    assert not user_file().exists()
    made = lab.review({"big": [streamed(CLEAN)]})
    assert made.exit == 0
    assert json.loads(json.dumps(made.bodies[0]))
