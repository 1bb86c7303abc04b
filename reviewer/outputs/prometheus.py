"""The figures of a run in Prometheus' text form, for a textfile collector or a push gateway.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4). A run is over when this
is written, so everything is a gauge.
"""

from collections.abc import Iterable, Iterator

from reviewer.outputs.report import ModelUsage, Report, Spread, Status
from reviewer.prompting.contract import Severity

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
Row = tuple[dict[str, str], float]


def render(report: Report) -> str:
    """All figures, each with its help and type."""
    blocks = [*_about_run(report), *_about_models(report.usage.models), *_about_roles(report)]
    return "".join(_block(name, text, rows) for name, text, rows in blocks if rows)


def _block(name: str, text: str, rows: Iterable[Row]) -> str:
    lines = [f"# HELP reviewer_{name} {text}", f"# TYPE reviewer_{name} gauge"]
    lines += [f"reviewer_{name}{_labels(labels)} {value:.12g}" for labels, value in rows]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _about_run(report: Report) -> Iterator[tuple[str, str, list[Row]]]:
    usage = report.usage
    yield (
        "run_status",
        "1 for the outcome of the run.",
        [({"status": status.value}, float(report.status is status)) for status in Status],
    )
    yield (
        "findings",
        "Grounded findings by severity.",
        [
            ({"severity": severity.value}, sum(finding.severity is severity for finding in report.findings))
            for severity in Severity
        ],
    )
    yield "unverified_findings", "Claims whose quoted code was not found.", [({}, len(report.unverified))]
    yield "run_seconds", "From the start of the run to the report.", [({}, usage.seconds)]
    counts = ("prompts", "requests", "retries", "corrections", "failovers")
    for name in counts:
        yield f"run_{name}", f"Number of {name} of the run.", [({}, getattr(usage, name))]
    if usage.cost is not None:
        yield "run_cost_dollars", "US dollars, where the price is known.", [({}, usage.cost)]


def _about_models(models: Iterable[ModelUsage]) -> Iterator[tuple[str, str, list[Row]]]:
    known = list(models)
    answered: list[Row] = [({"model": one.model, "outcome": "answer"}, one.answers) for one in known]
    failed: list[Row] = [
        ({"model": one.model, "outcome": failure.kind}, failure.count)
        for one in known
        for failure in one.failures
    ]
    yield "model_requests", "Requests by model and outcome.", [*answered, *failed]
    kinds = ("prompt", "completion", "cached", "reasoning")
    tokens: list[Row] = [
        ({"model": one.model, "kind": kind}, count)
        for one in known
        for kind in kinds
        if (count := getattr(one, f"{kind}_tokens")) is not None
    ]
    yield "model_tokens", "Tokens as the servers counted them.", tokens
    costs: list[Row] = [({"model": one.model}, one.cost) for one in known if one.cost is not None]
    yield "model_cost_dollars", "US dollars, where the price is known.", costs
    latencies = [row for one in known for row in _quantiles(one.model, one.latency)]
    yield "model_latency_seconds", "Seconds of requests that ended.", latencies
    queues = [row for one in known for row in _quantiles(one.model, one.queue)]
    yield "model_queue_seconds", "Seconds that requests waited for their turn.", queues
    opened: list[Row] = [({"model": one.model}, one.breaker_opened) for one in known]
    yield "model_breaker_opened", "How often the model was left alone for a while.", opened
    states: list[Row] = [({"model": one.model, "state": one.breaker}, 1.0) for one in known]
    yield "model_breaker_state", "1 for the state of the breaker at the end.", states


def _quantiles(model: str, spread: Spread | None) -> Iterator[Row]:
    if spread is not None:
        yield {"model": model, "quantile": "0.5"}, spread.median
        yield {"model": model, "quantile": "0.95"}, spread.p95
        yield {"model": model, "quantile": "1"}, spread.longest


def _about_roles(report: Report) -> Iterator[tuple[str, str, list[Row]]]:
    active: list[Row] = [
        ({"role": review.role, "model": review.model, "outcome": review.status.value}, 1.0)
        for review in report.reviews
    ]
    yield "role_model", "1 for the model that answered for a role, and what became of it.", active
    ratings: list[Row] = [
        ({"role": review.role}, review.rating) for review in report.reviews if review.rating
    ]
    yield "role_rating", "The rating of a role, from 1 to 10.", ratings
