"""What was seen when real servers of six kinds were provoked on purpose: every row of that list, a test each.

The servers: llama-server and llama-cpp-python with random weights, the LiteLLM proxy, Hugging Face's
`transformers serve`, and two emulators of the big providers (aimock, llmock). Where a behaviour differs by server,
each has its case. `test_rigs.py` runs whole reviews at two of them.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from reviewer.errors import UnknownModelError
from tests.faults.cases import (
    CLEAN,
    FILES,
    PROBLEM,
    Case,
    counted,
    delta,
    events,
    message,
    only_small,
    picky,
    play,
)
from tests.faults.laboratory import KEY
from tests.support.server import SSE, Answer, chunk, error, honest, plain, streamed
from tests.support.values import finding, review


def text(status: int, said: str) -> Answer:
    return Answer(status, (said.encode(),), (("Content-Type", "text/plain"),))


def answered_by(model: str) -> Answer:
    return plain({"model": model, "choices": [{"message": {"content": CLEAN}, "finish_reason": "stop"}]})


def named(kind: str, **data: object) -> bytes:
    """An event of Anthropic's Messages."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def messages(content: str = CLEAN, *, stop: str = "end_turn", begin: int = 2500, **usage: int) -> Answer:
    return Answer(
        pieces=(
            named(
                "message_start",
                message={"model": "big", "usage": {"input_tokens": begin, "output_tokens": 1}},
            ),
            named("ping"),
            named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            named("content_block_delta", index=0, delta={"type": "text_delta", "text": content}),
            named("content_block_stop", index=0),
            named("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 300, **usage}),
            named("message_stop"),
        ),
        headers=SSE,
    )


def whole_message(content: str = CLEAN) -> Answer:
    return plain(
        {
            "type": "message",
            "model": "big",
            "content": [{"type": "text", "text": content}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 2500, "output_tokens": 300},
        }
    )


ANTHROPIC = 'kind = "anthropic"'
CASES = {
    "unknown model: 200 under the wrong name, llama-server": Case(
        [answered_by("tiny-random")], says=("lab says that tiny-random answered instead of big",)
    ),
    "unknown model: 400, llama-server as a router": Case(
        [plain({"error": {"code": 400, "message": "model 'big' not found", "type": "invalid_request_error"}}, 400)],
        1,
        {"ModelMissingError": 1},
        3,
        ("model 'big' not found",),
    ),
    "unknown model: 400, LiteLLM": Case(
        [
            plain(
                {"error": {"message": "/chat/completions: Invalid model name passed in model=big", "code": "400"}}, 400
            )
        ],
        1,
        {"ModelMissingError": 1},
        3,
    ),
    "unknown model: 404, aimock": Case(
        [error(404, "The model `big` does not exist", "model_not_found")], 1, {"ModelMissingError": 1}, 3
    ),
    "unknown model: 500 in plain text, transformers": Case(
        [text(500, "Internal Server Error")],
        3,
        {"ServerBrokenError": 3},
        3,
        ("Internal Server Error",),
    ),
    "schema mode is a 500, llama-cpp-python": Case(
        [
            lambda body: error(500, "Failed to parse grammar from json_schema") if schema_in(body) else honest(body),
        ],
        3, {"RefusedRequestError": 2},
    ),
    "schema mode is a 400, llama-server with reasoning format none": Case(
        [
            lambda body: (
                error(400, "Failed to initialize samplers: failed to parse grammar")
                if schema_in(body)
                else honest(body)
            )
        ],
        3, {"RefusedRequestError": 2},
    ),
    "schema mode is ignored, transformers": Case(
        [message("The change looks good to me."), honest], 2, {"unreadable": 1}, 3, ("could not be read",)
    ),
    "numbers out of the schema's bounds, llama-cpp-python": Case(
        [message(review(finding(file=FILES[0], quote="    return max(items) / len(items) + 3", line=-5), rating=470))],
        1,
        {},
        0,
        status="findings",
    ),
    "valid JSON and nonsense, llama-server": Case(
        [
            message(
                review(
                    finding(file="no/such.py", quote="ka zo mi", line=0),
                    finding(file=FILES[0], quote="qu ve", line=90_000),
                    files_reviewed=["no/such.py"],
                )
            )
        ],
        1,
        {},
        3,
        ("nothing that it quotes is in the code",),
    ),
    "cut off and says so": Case(
        [events(delta(PROBLEM[:250]), delta("", "length")), honest], 2, {"CutOff": 1}, 3, ("with twice the room",)
    ),
    "cut off and says end_turn, LiteLLM's Messages": Case(
        [messages(PROBLEM[:250])], 3, {"unreadable": 3}, 3, provider=ANTHROPIC
    ),
    "thoughts used up the answer, llama-server": Case(
        [message("", "length", reasoning_content="hm"), honest], 2, {"EmptyReplyError": 1}, says=("twice the room",)
    ),
    "thoughts ended without an answer, llama-server": Case(
        [message(None, reasoning_content="So it is fine."), honest], 2, {"EmptyReplyError": 1}
    ),
    "an end of thoughts that nothing opened, llama-cpp-python": Case(
        [message('I think {"findings": []} will do.\n</think>\n\n' + PROBLEM)], 1, {}, 0, status="findings"
    ),
    "no [DONE], transformers": Case([events(delta(CLEAN), delta("", "stop"), end=False)]),
    "[DONE] without a finish, llama-cpp-python": Case(
        [events(delta(CLEAN[:80])), honest], 2, {"unreadable": 1}, 3, says=("an earlier answer to the same prompt could not be read whole",)
    ),
    "a clean end that is none, llmock": Case(
        [events(delta(CLEAN[:80]), end=False), honest], 2, {"IncompleteStreamError": 1}, 3
    ),
    "no event at all, llama-cpp-python": Case(
        [Answer(headers=SSE)], 3, {"IncompleteStreamError": 3}, 3, ("broke off before its end",)
    ),
    "an error inside a stream, LiteLLM": Case(
        [events(delta("{"), {"error": {"message": "litellm.APIError: upstream", "code": "500"}}), honest],
        2,
        {"ServerBrokenError": 1},
        3,
    ),
    "one body instead of a stream, LiteLLM's Messages": Case([whole_message()], provider=ANTHROPIC),
    "comments in a stream, aimock": Case(
        [Answer(pieces=(b": OPENROUTER PROCESSING\n\n", *streamed(CLEAN).pieces, b": bye\n\n"), headers=SSE)]
    ),
    "ping events, llmock": Case([messages()], provider=ANTHROPIC),
    "U+2028 in a line, aimock": Case(
        [events(json.dumps(delta(CLEAN.replace("Small", "a\u2028b\u2029c"), "stop"), ensure_ascii=False))]
    ),
    "first delta null, llama-server": Case([events(delta(None), delta(CLEAN), delta("", "stop"))]),
    "finish absent until the end, LiteLLM and transformers": Case(
        [
            events(
                {"choices": [{"index": 0, "delta": {"role": "assistant"}}]},
                {"choices": [{"index": 0, "delta": {"content": CLEAN}}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            )
        ]
    ),
    "an error with a number in a string, LiteLLM": Case(
        [plain({"error": {"message": "boom", "type": "None", "code": "500"}}, 500), honest], 2, {"ServerBrokenError": 1}
    ),
    "an error with a number, llama-server": Case(
        [plain({"error": {"message": "boom", "type": "server_error", "code": 500}}, 500), honest],
        2,
        {"ServerBrokenError": 1},
    ),
    "an error without a code, Anthropic's shape": Case(
        [plain({"error": {"type": "api_error", "message": "boom"}}, 500), messages()],
        2,
        {"ServerBrokenError": 1},
        says=("boom",),
        provider=ANTHROPIC,
    ),
    "an error as detail, llama-cpp-python": Case(
        [plain({"detail": "boom"}, 500), honest], 2, {"ServerBrokenError": 1}, says=("boom",)
    ),
    "an error as plain text, transformers": Case(
        [text(500, "boom"), honest], 2, {"ServerBrokenError": 1}, says=("boom",)
    ),
    "too long: by code, llama-cpp-python": Case(
        [
            error(
                400,
                "This model's maximum context length is 512 tokens. However, you requested 9000 tokens",
                "context_length_exceeded",
            )
        ],
        1,
        {"PromptTooLongError": 1},
        3,
    ),
    "too long: by type, llama-server": Case(
        [
            only_small(
                9000,
                plain(
                    {
                        "error": {
                            "code": 400,
                            "message": "the request exceeds the available context size, try increasing it",
                            "type": "exceed_context_size_error",
                            "n_prompt_tokens": 2000,
                            "n_ctx": 1536,
                        }
                    },
                    400,
                ),
            )
        ],
        5,
        {"PromptTooLongError": 1},
        says=("divided into 3 pieces",),
    ),
    "too long: in words, LiteLLM": Case(
        [
            only_small(
                9000,
                error(400, "litellm.ContextWindowExceededError: prompt is too long: 2000 tokens > 1500 maximum"),
            )
        ],
        5,
        {"PromptTooLongError": 1},
        says=("divided into 3 pieces",),
    ),
    "too long: not a word, transformers": Case([counted(90)], 8, {}, 3, ("it has cut the prompt",)),
    "a wrong key is a 400, LiteLLM without a database": Case(
        [plain({"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}}, 400)],
        1,
        {"KeyRejectedError": 1},
        3,
        ("environment variable LAB_KEY",),
    ),
    "a wait in a header of its own, LiteLLM": Case(
        [replace(error(429, "slow"), headers=(*error(429).headers, ("llm_provider-retry-after", "7"))), honest], 2, {"RateLimitedError": 1}, slept=(8.0,)
    ),
    "a wait in milliseconds too, llmock": Case(
        [error(429, "slow", Retry_After="1", retry_after_ms="250"), honest], 2, {"RateLimitedError": 1}, slept=(1.25,)
    ),
    "a wait nowhere, LiteLLM": Case([error(429, "slow"), honest], 2, {"RateLimitedError": 1}, slept=(1.0,)),
    "loading without a wait, llama-server": Case(
        [
            plain({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503),
            honest,
        ],
        2,
        {"LoadingError": 1},
        slept=(2.0,),
    ),
    "408 is asked again": Case([error(408, "timeout"), honest], 2, {"ServerBrokenError": 1}),
    "529 without a reason phrase is asked again": Case([Answer(529), honest], 2, {"ServerBrokenError": 1}),
    "429 for want of money is not": Case(
        [error(429, "You exceeded your current quota", "insufficient_quota")], 1, {"OutOfQuotaError": 1}, 3, slept=()
    ),
    "a 500 for a bad request comes to an end, llama-cpp-python": Case(
        [plain({"error": {"message": "[{'type': 'literal_error'}]", "type": "internal_server_error"}}, 500)],
        3,
        {"ServerBrokenError": 3},
        3,
    ),
    "tokens of the prompt that were not cached, llama-server's Messages": Case(
        [messages(begin=1, cache_read_input_tokens=2500)], provider=ANTHROPIC
    ),
    "tokens of the prompt are 0 at first, LiteLLM's Messages": Case(
        [messages(begin=0, input_tokens=2500)], provider=ANTHROPIC
    ),
    "an error without its type, llama-server's Messages": Case(
        [Answer(pieces=(b'data: {"error": {"code": 500, "message": "boom"}}\n\n',), headers=SSE), messages()],
        2,
        {"ServerBrokenError": 1},
        provider=ANTHROPIC,
    ),
    "a field that it does not know is a 422, transformers": Case(
        [
            picky(
                "stream_options",
                plain({"detail": "Unexpected keys in the request: {'stream_options'}"}, 422),
            )
        ],
        2, {"RefusedRequestError": 1},
    ),
    "the bound is ignored, llama-cpp-python": Case(
        [Answer(pieces=tuple(chunk(delta={"content": f"{n * 7919} {n}; "}) for n in range(12_000)), headers=SSE), honest],
        2,
        {"EndlessError": 1},
        3,
        ("far beyond its limit",),
    ),
    "no health and nothing without /v1, llama-cpp-python": Case([honest], provider='kind = "llamacpp"'),
}  # fmt: skip


def schema_in(body: dict[str, Any]) -> bool:
    return bool(body.get("response_format", {}).get("type") == "json_schema")


@pytest.mark.parametrize("name", CASES)
def test_seen(name, lab):
    play(CASES[name], lab)


USAGE = {"prompt_tokens": 2500, "completion_tokens": 40}
COUNTED: dict[str, list[dict[str, Any]]] = {
    "in a chunk without choices": [delta(CLEAN), delta("", "stop"), {"choices": [], "usage": USAGE}],
    "in one with a choice": [delta(CLEAN), delta("", "stop"), {**delta(""), "usage": USAGE}],
    "in the chunk that finishes": [delta(CLEAN), {**delta("", "stop"), "usage": USAGE}],
}


@pytest.mark.parametrize("place", COUNTED)
def test_tokens_are_counted_wherever_a_stream_says_so(place, lab):
    """llama-server, aimock and llmock; LiteLLM; transformers. llama-cpp-python never does: an estimate is shown."""
    made = lab.review({"big": [events(*COUNTED[place])]})
    (usage,) = made.report.usage.models
    assert (made.exit, usage.prompt_tokens, usage.completion_tokens) == (0, 2500, 40)


def test_tokens_that_nobody_counted_are_not_invented(lab):
    made = lab.review({"big": [events(delta(CLEAN), delta("", "stop"))]})
    assert made.report.usage.models[0].prompt_tokens is None


@pytest.mark.parametrize("listed", [[], ["another"]])
def test_a_list_that_lacks_the_model_that_answers(listed, lab):
    """transformers: an empty list says nothing; one that lacks the model has to be declared as not complete."""
    unlisted = {"models": listed, "provider": "lists_all = false"} if listed else {"models": listed}
    made = lab.review({"big": [honest]}, **unlisted)
    assert (made.exit, made.calls) == (0, {"big": 1})
    if listed:
        assert "not in the list of lab and is asked all the same" in made.said
        with pytest.raises(UnknownModelError, match="set `lists_all = false` for lab"):
            lab.review({"big": [honest]}, models=listed)


def test_a_key_is_sent_as_bearer_with_a_capital(lab):
    """llama-server refuses `bearer`."""
    made = lab.review({"big": [honest]})
    assert made.headers[-1]["Authorization"] == f"Bearer {KEY}"


def test_answers_are_streamed_so_that_giving_up_ends_them(lab):
    """llama-cpp-python goes on with an answer that nobody waits for unless it was streamed."""
    made = lab.review({"big": [error(503, "busy"), honest]})
    assert [body["stream"] for body in made.bodies] == [True, True]
