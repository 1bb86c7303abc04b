"""What the template of the Markdown report may write, each made safe: places, ratings, times, amounts."""

import re
from collections.abc import Callable
from datetime import datetime

from reviewer.findings.finding import Finding, Grounding, Verdict
from reviewer.outputs.neutral import Safe, cell, fence, inline, path_code, prose
from reviewer.outputs.report import ModelUsage, Outcome, Report, RoleReview, Spread
from reviewer.outputs.wording import counted, in_words
from reviewer.prompting.contract import Horizon

HORIZONS = {
    Horizon.IMMEDIATE: "Immediate",
    Horizon.SHORT: "Short term",
    Horizon.MEDIUM: "Medium term",
    Horizon.LONG: "Long term",
}


def place(finding: Finding) -> Safe:
    """Path and lines as code: `src/app.py:12-14`."""
    if finding.line is None:
        return path_code(finding.path or "no file named")
    side = " (before the change)" if finding.side == "old" else ""
    return Safe(f"{place_code(finding.path, finding.line, finding.end_line)}{side}")


def place_code(path: str, line: int | None, end_line: int | None) -> Safe:
    """A path with its lines as code."""
    end = f"-{end_line}" if end_line and end_line != line else ""
    return path_code(f"{path}:{line}{end}")


def _grounding(finding: Finding) -> Safe:
    """How the place was checked, in words."""
    words = {
        Grounding.VERIFIED: "quote verified",
        Grounding.RELOCATED: f"quote verified, place corrected ({finding.grounding_note})",
        Grounding.UNVERIFIED: finding.grounding_note,
    }[finding.grounding]
    if not finding.in_change:
        words += "; pre-existing: on lines that the change did not touch"
    if finding.outside_world:
        words += f"; cannot be checked against the code: {finding.outside_world}"
    return inline(words)


def _ruling(finding: Finding) -> Safe:
    """What a second model said."""
    ruling = finding.ruling
    if ruling is None:
        return Safe("")
    judged = f", {ruling.severity}" if ruling.severity and ruling.severity is not finding.severity else ""
    words = _VERDICTS[ruling.verdict]
    return Safe(f"**{words}** by {inline(ruling.model)}{judged}: {inline(ruling.reason)}")


_VERDICTS = {
    Verdict.CONFIRMED: "Confirmed",
    Verdict.REFUTED: "Refuted",
    Verdict.UNVERIFIABLE: "Cannot be told from the code",
    Verdict.UNCHECKED: "Not checked",
}


def _after_label(text: str) -> Safe:
    """Prose behind a bold label; what begins with a block needs a paragraph of its own to be one."""
    made = prose(text)
    return Safe(f"\n\n{made}" if re.match(r"```|-|\d+\.", made) else f" {made}")


def _rating(review: RoleReview) -> Safe:
    if review.rating is None:
        return Safe("none")
    return Safe(f"{review.rating}/10" + (" (computed)" if review.computed else ""))


def _mean_rating(report: Report) -> Safe:
    ratings = [r.rating for r in report.reviews if r.rating is not None and r.status is not Outcome.FAILED]
    return Safe(f"{sum(ratings) / len(ratings):.1f}/10" if ratings else "none")


def _date(moment: datetime) -> Safe:
    return Safe(moment.strftime("%Y-%m-%d %H:%M %Z").strip())


def _seconds(value: float) -> Safe:
    return Safe(f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s")  # noqa: PLR2004


def _known(value: int | None) -> Safe:
    return Safe("not told" if value is None else f"{value:,}")


def _spread(spread: Spread | None) -> Safe:
    return Safe("none" if spread is None else f"{spread.median:.1f}, {spread.p95:.1f}")


def _failures(usage: ModelUsage) -> str:
    """What went wrong with the requests to a model, in words."""
    named = [f"{failure.count} {in_words(failure.kind)}" for failure in usage.failures]
    if usage.breaker_opened:
        named.append(f"left alone {counted(usage.breaker_opened, 'time')}")
    return ", ".join(named) or "none"


def _dollars(value: float | None) -> Safe:
    return Safe("" if value is None else f", {value:.4f} US dollars")


FILTERS: dict[str, Callable[..., object]] = {
    "inline": inline,
    "ruling": _ruling,
    "prose": prose,
    "after_label": _after_label,
    "path": path_code,
    "paths": lambda paths: Safe(", ".join(map(path_code, paths))),
    "cell": cell,
    "code_cell": lambda text: Safe(path_code(text).replace("|", "\\|")),
    "fence": fence,
    "place": place,
    "grounding": _grounding,
    "rating": _rating,
    "mean_rating": _mean_rating,
    "count": lambda number, one, many="": Safe(counted(number, one, many)),
    "date": _date,
    "seconds": _seconds,
    "known": _known,
    "spread": _spread,
    "failures": _failures,
    "dollars": _dollars,
    "horizon": lambda horizon: Safe(HORIZONS[horizon].lower()),
}
