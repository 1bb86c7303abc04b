"""What servers say about failures, and what it means."""

from datetime import UTC, datetime, timedelta

import pytest

from reviewer.errors import (
    ContentRefusedError,
    KeyRejectedError,
    LoadingError,
    ModelMissingError,
    OutOfQuotaError,
    PromptTooLongError,
    ProtocolError,
    RateLimitedError,
    RefusedRequestError,
    ServerBrokenError,
)
from reviewer.models.error_body import read_error, retry_after
from reviewer.models.failures import Asked, classify

LAB = Asked("lab", "http://127.0.0.1:9000/v1", "LAB_KEY")

SHAPES = {
    "openai": ('{"error": {"message": "no", "type": "t", "param": "x", "code": "c"}}', ("no", "c t", "x")),
    "text": ('{"error": "no"}', ("no", "", "")),
    "list": (
        '[{"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}]',
        ("no", "429 RESOURCE_EXHAUSTED", ""),
    ),
    "anthropic": (
        '{"type": "error", "error": {"type": "overloaded_error", "message": "no"}}',
        ("no", "overloaded_error", ""),
    ),
    "vllm": (
        '{"object": "error", "message": "no", "type": "BadRequestError", "param": null, "code": 400}',
        ("no", "400 BadRequestError", ""),
    ),
    "mistral": (
        '{"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}, "type": "invalid_request_error"}',
        (
            '{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}',
            "invalid_request_error",
            "seed",
        ),
    ),
    "fastapi": ('{"detail": "Not Found"}', ("Not Found", "", "")),
    "fastapi list": (
        '{"detail": [{"loc": ["body", "provider"], "msg": "extra"}]}',
        ('[{"loc": ["body", "provider"], "msg": "extra"}]', "", "provider"),
    ),
    "aws": ('{"message": "no"}', ("no", "", "")),
    "rfc 7807": (
        '{"type": "about:blank", "title": "Timeout", "status": 524, "detail": "slow"}',
        ("slow", "about:blank 524", ""),
    ),
    "JSON in the message": (
        '{"error": {"message": "{\\"error\\": {\\"message\\": \\"inner\\", \\"code\\": 400}}"}}',
        ("inner", "400", ""),
    ),
    "provider behind a router": (
        '{"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "boom"}}}',
        ("Provider returned error: boom", "502", ""),
    ),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES)
def test_error_body_of_any_shape(text, expected):
    body = read_error(text)
    assert body is not None
    assert (body.message, body.code, body.param) == expected


@pytest.mark.parametrize("text", ["", "no", "[]", "3", '{"choices": []}', "[" * 10000, '{"error": null}'])
def test_no_error_in_it(text):
    assert read_error(text) is None


def body(message: str, code: str = "", param: str = "") -> str:
    import json

    return json.dumps({"error": {"message": message, "code": code or None, "param": param or None}})


CLASSES = {
    "overflow with numbers": (
        400,
        body("maximum context length is 8192 tokens. However, you requested 20123 tokens"),
        PromptTooLongError,
    ),
    "overflow by code": (400, body("too long", "context_length_exceeded"), PromptTooLongError),
    "overflow with status 200": (200, body("Input does not fit in context length."), PromptTooLongError),
    "request too large": (413, body("Request too large for model"), PromptTooLongError),
    "bad key": (401, body("Incorrect API key provided"), KeyRejectedError),
    "bad key as 400": (400, body("API key not valid", "API_KEY_INVALID"), KeyRejectedError),
    "no permission": (403, body("not allowed"), KeyRejectedError),
    "flagged": (403, body("Your input was flagged"), ContentRefusedError),
    "refused inside a success": (200, body("response_format is not supported"), RefusedRequestError),
    "no endpoint": (
        404,
        body("No endpoints found that can handle the requested parameters"),
        RefusedRequestError,
    ),
    "too large": (413, body("payload"), PromptTooLongError),
    "no credits": (402, body("Insufficient credits"), OutOfQuotaError),
    "quota as 429": (429, body("You exceeded your current quota", "insufficient_quota"), OutOfQuotaError),
    "balance": (402, body("Insufficient Balance"), OutOfQuotaError),
    "rate": (429, body("Rate limit reached"), RateLimitedError),
    "capacity": (498, body("capacity_exceeded"), RateLimitedError),
    "no model": (404, body("The model `x` does not exist", "model_not_found"), ModelMissingError),
    "no model as 400": (400, body("No models loaded. Please load a model"), ModelMissingError),
    "cannot be loaded": (500, body("model name=broken failed to load"), ModelMissingError),
    "filter": (400, body("triggered the content management policy", "content_filter"), ContentRefusedError),
    "field": (
        400,
        body("Unsupported parameter: 'max_tokens'", "unsupported_parameter", "max_tokens"),
        RefusedRequestError,
    ),
    "schema": (400, body("'response_format.type' must be 'json_schema' or 'text'"), RefusedRequestError),
    "grammar": (400, body("Failed to initialize samplers: failed to parse grammar"), RefusedRequestError),
    "another 400": (400, body("hm"), RefusedRequestError),
    "overloaded": (529, body("Overloaded"), ServerBrokenError),
    "loading": (503, body("Loading model"), LoadingError),
    "500": (500, "", ServerBrokenError),
    "timeout": (408, body("slow"), ServerBrokenError),
    "error with status 200": (200, body("Provider returned error"), ServerBrokenError),
    "page behind a proxy": (502, "<html>Bad gateway</html>", ServerBrokenError),
    "page of a limiter": (429, "<html>slow down</html>", RateLimitedError),
    "page of a guard": (401, "<html>log in</html>", KeyRejectedError),
    "page": (200, "<!DOCTYPE html>", ProtocolError),
    "redirect": (301, "", ProtocolError),
    "teapot": (418, body("short and stout"), ProtocolError),
    "plain text": (500, "Internal Server Error", ServerBrokenError),
}


@pytest.mark.parametrize(("status", "text", "expected"), CLASSES.values(), ids=CLASSES)
def test_class_of_a_failure(status, text, expected):
    error = classify(LAB, status, text, None)
    assert type(error) is expected
    assert "lab" in str(error) or "127.0.0.1" in str(error)


def test_numbers_of_an_overflow():
    error = classify(
        LAB, 400, body("request (9,412 tokens) exceeds the available context size (8192 tokens)"), None
    )
    assert isinstance(error, PromptTooLongError)
    assert (error.asked, error.limit) == (9412, 8192)
    fields = '{"error": {"code": 400, "message": "exceeds the available context size", "n_prompt_tokens": 620, "n_ctx": 512}}'
    error = classify(LAB, 400, fields, None)
    assert isinstance(error, PromptTooLongError)
    assert (error.asked, error.limit) == (620, 512)
    error = classify(LAB, 400, body("Prompt is too long"), None)
    assert isinstance(error, PromptTooLongError)
    assert (error.asked, error.limit) == (None, None)


OVERFLOWS = [
    (
        "maximum context length is 8192 tokens. However, you requested 9000 tokens (8488 in the messages, 512 in the completion)",
        (9000, 8192),
    ),
    ("prompt is too long: 207791 tokens > 200000 maximum", (207791, 200000)),
    (
        "The input has 31430 tokens, but the context length only supports 30000 tokens. Input does not fit in context length",
        (31430, 30000),
    ),
    ("The input token count (9999) exceeds the maximum number of tokens allowed (8000).", (9999, 8000)),
    ("trying to keep the first 4096 tokens of 1 2000 3000", (None, None)),
]


@pytest.mark.parametrize(("message", "expected"), OVERFLOWS)
def test_numbers_of_overflow_messages(message, expected):
    error = classify(LAB, 400, body(message), None)
    assert isinstance(error, PromptTooLongError)
    assert (error.asked, error.limit) == expected


def test_a_number_in_the_quoted_prompt_is_no_code():
    text = body("Invalid field. " + "x" * 600 + " insufficient_quota 429", "bad")
    assert type(classify(LAB, 400, text, None)) is RefusedRequestError


def test_key_message_names_the_variable_or_how_to_set_one():
    assert "environment variable LAB_KEY" in str(classify(LAB, 401, body("no"), None))
    assert 'api_key_env = "NAME"' in str(classify(Asked("lab", "u"), 401, body("no"), None))


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WAITS = {
    "seconds": ({"Retry-After": "7"}, 7.0),
    "fraction": ({"retry-after": "0.5"}, 0.5),
    "milliseconds win": ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    "date": ({"retry-after": (NOW + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")}, 30.0),
    "date that has passed": ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0.0),
    "negative": ({"retry-after": "-3"}, 0.0),
    "absurd": ({"retry-after": "7999"}, 7999.0),
    "behind a proxy": ({"llm_provider-retry-after": "4"}, 4.0),
    "nonsense": ({"retry-after": "soon"}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize(("headers", "expected"), WAITS.values(), ids=WAITS)
def test_how_long_to_wait(headers, expected):
    assert retry_after(headers, NOW) == expected


def test_wait_in_the_body():
    text = (
        '{"error": {"code": 429, "message": "slow", "details": [{"@type": "x"}, {"retryDelay": "47s"}, 3]}}'
    )
    error = classify(LAB, 429, text, None)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 47.0
