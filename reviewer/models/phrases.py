"""The words, in lower case, by which servers say what is wrong; each was seen at one or in its source."""

import re

TOO_LONG = (
    "maximum context length is",
    "maximum context limit",
    "exceed context limit",
    "exceeds context limit",
    "prompt is too long",
    "exceeds the available context size",
    "exceed_context_size_error",
    "context_length_exceeded",
    "exceeds the maximum number of tokens allowed",
    "is longer than the model's context length",
    "longer than the context length",
    "input tokens exceed the configured limit",
    "input does not fit in context length",
    "trying to keep the first",
    "tokens to keep from the initial prompt",
    "context size has been exceeded",
    "context shift is disabled",
    "input is too large to process",
    "too large to process. increase the physical batch size",
    "request too large",
    "reduce the length of the messages",
    "the input length exceeds the context length",
    "must be at least 1, got -",
    "too large for model with",
    "maximum input length of",
    "cannot be greater than max_model_len",
    "model_context_window_exceeded",
)
NO_MONEY = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_usage_limit_exceeded",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "billing_error",
    "enforced_spend_limit_reached",
    "insufficient balance",
    "spend limit",
    "budget limit exceeded",
    "usage limit",
    "requires a subscription",
    "credit balance is too low",
    "perday",
)
NO_QUOTA = ("exceeded your current quota",)
"""OpenAI's words for an empty account; Google uses the same for a limit of the minute, but names the wait."""
NO_MODEL = (
    "model_not_found",
    "deploymentnotfound",
    "not found, try pulling it first",
    "no models loaded",
    "failed to load model",
    "failed to load",
    "is not a valid model id",
    "invalid model:",
    "invalid model identifier",
    "invalid model name",
    "unknown_model",
    "is not found for api version",
    "does not exist",
    "model not exist",
    "model_decommissioned",
    "no fixture matched",
    "model name is missing",
)
NOT_FOUND = re.compile(r"\bmodel\b.{0,80}\bnot (?:found|available|exist)", re.IGNORECASE)
NO_ENDPOINT = ("no endpoints found that",)
"""OpenRouter: no provider of the model accepts all fields of the request."""
NO_SCOPE = ("missing scopes", "insufficient permissions for this operation")
"""OpenAI: a key that may do some things and not this one, such as listing models."""
BAD_KEY = (
    "invalid_api_key",
    "api_key_invalid",
    "invalid api key",
    "api key not valid",
    "authentication_error",
    "no_db_connection",  # a LiteLLM proxy that knows only its own key
)
REFUSED_FIELD = (
    "unsupported_parameter",
    "unsupported_value",
    "extra_forbidden",
    "extra inputs are not permitted",
    "is not supported with this model",
    "does not support",
    "response_format",
    "json_schema",
    "grammar",
    "too many states",
    "invalid schema",
    "failed to initialize samplers",
)
FILTERED = (
    "content_filter",
    "content filter",
    "content management policy",
    "moderation",
    "flagged",
    "guardrail",
    "content exists risk",
)
LOADING = ("loading model", "model is loading", "is currently loading", "estimated_time")
FOR_NOW = ("temporarily", "try again")
EVICTED = ("model unloaded",)
"""LM Studio: another request made room for its own model."""
CRASHED = (
    "runner has unexpectedly stopped",
    "model has crashed",
    "requires more system memory",
    "process has terminated",
    "out of memory",
    "failed to allocate",
)
NOT_HERE = (
    "unsupported_country",
    "country, region",
    "location is not supported",
    "not available in your country",
    "not available in your region",
    "check your network settings",
    "cloud is disabled",
)
REJECTED_OUTPUT = ("json_validate_failed", "tool_use_failed", "output_parse_failed")
NO_SUCH_PATH = ("unexpected endpoint or method",)
"""LM Studio says so with status 200."""
