"""Everything that model servers were seen to do wrong, each as a whole review.

For each case: how often the model is asked, which errors that means, what the report's status and the exit status
are, and what a person gets to read. The numbers are those of the list of faults that this suite follows.
"""

import json
import socket
from dataclasses import replace

import pytest

from tests.faults.cases import (
    BUSY,
    CLEAN,
    FILES,
    JSON,
    PROBLEM,
    Case,
    delta,
    events,
    message,
    picky,
    play,
    without,
)
from tests.faults.laboratory import KEY
from tests.support.samples import sample
from tests.support.server import SSE, Answer, chunk, error, honest, plain
from tests.support.values import finding, review

LIMITED = error(429, "slow down", "rate_limit_exceeded")
LOADING = plain({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)
GIVEN_UP = {"ConnectionFailedError": 3}

CASES = {
    "01 nothing listens": Case([], 0, GIVEN_UP, 3, ("cannot connect", "Is the server running")),
    "02 the name is unknown": Case([], 0, GIVEN_UP, 3, ("cannot connect",)),
    "03 accepts, then silence": Case(
        [Answer(silent=True)], 2, {"StalledError": 2}, 3, ("nothing came for 0.2 s",), provider="timeout = 0.2"
    ),
    "04 closes before the headers": Case([Answer(drop=True)], 3, GIVEN_UP, 3, ("disconnected",)),
    "05 closes in the middle of a chunk": Case(
        [Answer(pieces=(chunk(delta={"content": '{"findings": [{"ti'}),), headers=SSE, cut=True), honest],
        2,
        {"IncompleteStreamError": 1},
        3,
        ("an earlier answer to the same prompt could not be read whole", '{"findings": [{"ti'),
    ),
    "05 always": Case(
        [Answer(pieces=(chunk(delta={"content": '{"findings": [{"ti'}),), headers=SSE, cut=True)],
        3,
        {"IncompleteStreamError": 3},
        3,
        ("broke in the middle",),
    ),
    "06 a stream without [DONE]": Case([events(delta(CLEAN), delta("", "stop"), end=False)]),
    "06 a stream with neither end nor finish": Case(
        [events(delta(CLEAN), end=False)], 3, {"IncompleteStreamError": 3}, 3, ("broke off before its end",)
    ),
    "06 a stream without any event": Case([Answer(headers=SSE)], 3, {"IncompleteStreamError": 3}, 3),
    "07 comments in a stream": Case(
        [Answer(pieces=(b": PROCESSING\n\n" * 3, chunk(delta={"content": CLEAN}), chunk(delta={}, finish_reason="stop")), headers=SSE)]
    ),
    "07 blank lines before JSON": Case(
        [Answer(200, (b"\n\n\n", message(CLEAN).pieces[0]), JSON)]
    ),
    "08 CRLF and split characters": Case(
        [Answer(pieces=tuple(
            (chunk(delta={"content": CLEAN.replace("Small", "Grün 日本")}) + chunk(delta={}, finish_reason="stop"))
            .replace(b"\n\n", b"\r\n\r\n")[at : at + 1] for at in range(2000)), headers=SSE)]
    ),
    "08 data in several lines": Case(
        [Answer(pieces=(
            b"data: " + json.dumps(delta(CLEAN, "stop"), indent=1).replace("\n", "\ndata: ").encode() + b"\n\n",
            b"data: [DONE]\n\n"), headers=SSE)]
    ),
    "08 U+2028 in a line": Case([events(json.dumps(delta(CLEAN.replace("Small", "a\u2028b"), "stop"), ensure_ascii=False))]),
    "09 an error event after 200": Case(
        [Answer(pieces=(b'event: error\ndata: {"error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n',), headers=SSE), honest],
        2,
        {"ServerBrokenError": 1},
    ),
    "10 an error in a 200": Case([plain({"error": {"code": 502, "message": "Provider returned error"}}), honest], 2, {"ServerBrokenError": 1}),
    "10 an error in a stream, then [DONE]": Case(
        [events(delta("{"), {"error": {"message": "Provider disconnected"}, "choices": []}), honest], 2, {"ServerBrokenError": 1}, 3
    ),
    "11 choices null": Case([plain({"choices": None}), honest], 2, {"ServerBrokenError": 1}),
    "11 choices empty": Case([plain({"choices": []}), honest], 2, {"ServerBrokenError": 1}),
    "11 choices missing": Case([plain({"id": "x"}), honest], 2, {"ServerBrokenError": 1}),
    "11 the answer nested in provider": Case([plain({"choices": None, "provider": {"choices": [{"message": {"content": CLEAN}, "finish_reason": "stop"}]}})]),
    "12 reasoning only": Case([message(None, reasoning_content="I think it is fine.")], 2, {"EmptyReplyError": 2}, 3, ("the answer is empty",)),
    "12 reasoning used up the answer": Case(
        [message("", "length", reasoning_content="Let me think"), honest], 2, {"EmptyReplyError": 1}, says=("with twice the room",)
    ),
    "13 content as a list": Case([message([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": CLEAN}])]),
    "14 JSON in the channel for thoughts": Case([message("", reasoning_content=CLEAN)]),
    "15 finish null in the end": Case([events(delta(CLEAN))], 1, {}, 3, ("ended with 'unknown' instead of a normal stop",)),
    "15 finish error": Case([events(delta("{"), delta("", "error")), honest], 2, {"IncompleteStreamError": 1}, 3),
    "15 finish length in the middle of JSON": Case(
        [events(delta(PROBLEM[:200]), delta("", "length")), honest], 2, {"CutOff": 1}, 3, ("with twice the room",)
    ),
    "15 finish content_filter": Case([message("", "content_filter")], 1, {"ContentRefusedError": 1}, 3, ("a content filter stopped the answer",)),
    "15 finish nobody knows": Case([message(CLEAN, "weird")], 1, {}, 3, ("ended with 'unknown' instead of a normal stop",)),
    "15 finish absent": Case([message(CLEAN, "absent")], 1, {}, 3),
    "16 native finish network_error": Case([events(delta("", "stop", native_finish_reason="network_error")), honest], 2, {"IncompleteStreamError": 1}),
    "17 refusal": Case([message(None, refusal="I cannot help with that")], 1, {"ContentRefusedError": 1}, 3, ("I cannot help with that",)),
    "18 error as a text": Case([plain({"error": "boom"}, 500), honest], 2, {"ServerBrokenError": 1}, says=("boom",)),
    "18 error as a list": Case([plain([{"error": {"code": 503, "message": "boom", "status": "UNAVAILABLE"}}], 503), honest], 2, {"ServerBrokenError": 1}, says=("boom",)),
    "18 error as detail": Case([plain({"detail": "boom"}, 500), honest], 2, {"ServerBrokenError": 1}, says=("boom",)),
    "18 error encoded twice": Case([plain({"error": {"message": json.dumps({"error": {"message": "boom", "code": 500}})}}, 500), honest], 2, {"ServerBrokenError": 1}, says=("boom",)),
    "18 error as a web page": Case([Answer(502, (b"<html>Bad gateway</html>",), (("Content-Type", "text/html"),)), honest], 2, {"ServerBrokenError": 1}, says=("a web page instead of an answer",)),
    "18 error without a body": Case([Answer(500), honest], 2, {"ServerBrokenError": 1}, says=("no reason given",)),
    "18 error after RFC 7807": Case([plain({"type": "about:blank", "title": "A timeout occurred", "status": 524}, 524), honest], 2, {"ServerBrokenError": 1}, says=("A timeout occurred",)),
    "19 429 with seconds": Case([error(429, "slow", Retry_After="7"), honest], 2, {"RateLimitedError": 1}, slept=(8.0,)),
    "19 429 with a fraction": Case([error(429, "slow", Retry_After="0.5"), honest], 2, {"RateLimitedError": 1}, slept=(1.5,)),
    "19 429 with a date that has passed": Case([error(429, "slow", Retry_After="Thu, 01 Jan 2026 00:00:00 GMT"), honest], 2, {"RateLimitedError": 1}, slept=(1.0,)),
    "19 429 with milliseconds": Case([error(429, "slow", retry_after_ms="250"), honest], 2, {"RateLimitedError": 1}, slept=(1.25,)),
    "19 429 with a negative wait": Case([error(429, "slow", Retry_After="-3"), honest], 2, {"RateLimitedError": 1}, slept=(1.0,)),
    "19 429 with an absurd wait": Case([error(429, "slow", Retry_After="7999")], 1, {"RateLimitedError": 1}, 3, slept=()),
    "19 429 without a wait": Case([LIMITED, LIMITED, LIMITED, LIMITED, honest], 5, {"RateLimitedError": 4}, slept=(1.0, 2.0, 4.0, 8.0)),
    "19 429 with a wait in the body": Case([sample("gemini", "rate-limit-429"), honest], 2, {"RateLimitedError": 1}, slept=(49.0,)),
    "19 429 with a limit that is full again": Case(
        [error(429, "slow", x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="1m30s"), honest], 2, {"RateLimitedError": 1}, slept=(91.0,)
    ),
    "20 429 for want of money": Case([error(429, "You exceeded your current quota", "insufficient_quota")], 1, {"OutOfQuotaError": 1}, 3, ("exceeded your current quota",), slept=()),
    "20 429 for a spend limit": Case([error(429, "no", "organization_spend_limit_exceeded")], 1, {"OutOfQuotaError": 1}, 3, slept=()),
    "20 429 for a limit of the day": Case([sample("gemini", "quota-429")], 1, {"OutOfQuotaError": 1}, 3, slept=()),
    "21 402": Case([error(402, "Insufficient credits")], 1, {"OutOfQuotaError": 1}, 3, ("Insufficient credits",), slept=()),
    "21 402 with a wait": Case([error(402, "in flight budget", Retry_After="3"), honest], 2, {"RateLimitedError": 1}, slept=(4.0,)),
    "22 401": Case([error(401, f"Incorrect API key provided: {KEY}")], 1, {"KeyRejectedError": 1}, 3, ("environment variable LAB_KEY", "***"), slept=()),
    "22 403": Case([error(403, "no permission")], 1, {"KeyRejectedError": 1}, 3, slept=()),
    "23 404 for the model": Case([error(404, "model 'big' not found, try pulling it first")], 1, {"ModelMissingError": 1}, 3, ("try pulling it first",)),
    "24 400 for a temperature": Case([picky("temperature", error(400, "Unsupported value: 'temperature'", "unsupported_value", "temperature"))], 2, {"RefusedRequestError": 1}),
    "25 422 extra_forbidden as a list": Case([picky("stream_options", plain({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}, 422))], 2, {"RefusedRequestError": 1}),
    "25 422 extra_forbidden as an object": Case([picky("stream_options", plain({"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs"}]}, "type": "invalid_request_error"}, 422))], 2, {"RefusedRequestError": 1}),
    "26 400 for the grammar, then prompt only": Case([without("json_schema", error(400, "Failed to initialize samplers: failed to parse grammar"))], 3, {"RefusedRequestError": 2}),
    "26 a schema is a 500": Case([without("json_schema", error(500, "json_schema is not supported with this model"))], 3, {"RefusedRequestError": 2}),
    "27 an overflow that nothing helps against": Case([error(400, "maximum context length is 100 tokens. However, you requested 9000 tokens")], 1, {"PromptTooLongError": 1}, 3, ("maximum context length is 100",)),
    "29 503 while loading, three times": Case([LOADING, LOADING, LOADING, honest], 4, {"LoadingError": 3}, slept=(2.0, 2.0, 2.0)),
    "29 loading for ever": Case([LOADING], 29, {"LoadingError": 29}, 3, ("Loading model",)),
    "30 529": Case([plain({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529), honest], 2, {"ServerBrokenError": 1}),
    "30 524": Case([Answer(524, (b"<html>",), (("Content-Type", "text/html"),)), honest], 2, {"ServerBrokenError": 1}),
    "30 503 with a wait": Case([error(503, "busy", Retry_After="5"), honest], 2, {"ServerBrokenError": 1}, slept=(6.0,)),
    "30 the server says not to try again": Case([error(500, "no", x_should_retry="false")], 1, {"ServerBrokenError": 1}, 3, slept=()),
    "31 failure and success in turn": Case([BUSY, honest], 2, {"ServerBrokenError": 1}),
    "33 repetition": Case([events(*[delta('{"findings": [], "note": "' + "again and " * 200)] * 3), honest], 2, {"EndlessError": 1}, 3, ("repeats itself",)),
    "34 white space": Case([events(delta('{"findings": ['), *[delta(" \n" * 300)] * 3), honest], 2, {"EndlessError": 1}, 3, ("white space",)),
    "34 an answer far beyond its limit": Case([Answer(pieces=tuple(chunk(delta={"content": f"{n * 7919} {n}; "}) for n in range(12_000)), headers=SSE), honest], 2, {"EndlessError": 1}, 3, ("far beyond its limit",)),
    "36 a lone surrogate": Case([Answer(200, (b'{"choices": [{"message": {"content": "' + CLEAN.replace("Small", "\\ud83d").replace('"', '\\"').replace("\\\\ud83d", "\\ud83d").encode() + b'"}, "finish_reason": "stop"}]}',), JSON)]),
    "36 not a number": Case([message(CLEAN.replace('"rating": 7', '"rating": NaN'))], 1, {}, 0),
    "36 keys twice": Case([message(PROBLEM[:-1] + ', "findings": []}')], 1, {}, 0, status="findings"),
    "37 another model answers": Case([plain({"model": "qwen3", "choices": [{"message": {"content": CLEAN}, "finish_reason": "stop"}]})], says=("lab says that qwen3 answered instead of big",)),
    "38 a web page with 200": Case([Answer(200, (b"<!DOCTYPE html>",), (("Content-Type", "text/html"),))], 1, {"ProtocolError": 1}, 3, ("answered with a web page", "end in /v1")),
    "39 a redirect": Case([Answer(308, (), (("Location", "/elsewhere"),))], 1, {"ProtocolError": 1}, 3, ("redirects; use the address it leads to",)),
    "40 a slow trickle": Case(
        [Answer(pieces=tuple(chunk(delta={"content": "x"}) for _ in range(40)), headers=SSE, trickle=0.05)],
        2,
        {"IncompleteStreamError": 2},
        3,
        ("no complete answer within 0.4 s",),
        settings="[run]\ncall_timeout = 0.4\nattempts = 2\n",
    ),
    "41 quotes that are not in the change": Case(
        [message(review(finding(file="shop/part_0.py", quote="os.system(cmd)", title="One"), finding(file="shop/part_1.py", quote="eval(x)", title="Two"), files_reviewed=FILES))],
        1,
        {},
        3,
        ("nothing that it quotes is in the code",),
    ),
    "42 an unknown path with 200": Case([plain({"error": "Unexpected endpoint or method. (POST /chat/completions)"})], 1, {"ProtocolError": 1}, 3, ("Check base_url",)),
}  # fmt: skip
CASES["04 closes a kept connection, and nothing is wrong"] = Case(
    [replace(message("not a review"), keep=True), Answer(drop=True), honest],
    3,
    {"StaleConnectionError": 1, "InvalidReplyError": 0},
    3,
    slept=(0.0,),
)


@pytest.mark.parametrize("name", CASES)
def test_fault(name, lab, monkeypatch):
    case = CASES[name]
    address = ""
    if name.startswith("01"):
        address = "http://127.0.0.1:9/v1"
    elif name.startswith("02"):
        address = "http://models.invalid/v1"
        monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    play(case, lab, address=address)


def unknown_name(*_args, **_kwargs):
    raise socket.gaierror(-2, "Name or service not known")
