"""The categories of findings as rules, for forms that know findings by the rule that they break."""

from collections.abc import Mapping
from dataclasses import dataclass

from reviewer.prompting.contract import Severity

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Category:
    """What findings of a kind have in common.

    Attributes:
        name: as findings have it.
        title: in a few words.
        meaning: in a sentence or two.
        advice: what to do about such a finding.
    """

    name: str
    title: str
    meaning: str
    advice: str

    @property
    def slug(self) -> str:
        """The name without blanks."""
        return self.name.replace(" ", "-")


_CHECK = (
    "The quoted code was looked up before this was reported; the message says in which case it does harm. "
    "Go through that case by hand: if it can happen, change the code; if not, say so in a comment "
    "`reviewer: ignore[{name}] reason` on the line or accept it with `reviewer baseline`."
)

CATEGORIES: Mapping[str, Category] = {
    made.name: made
    for made in (
        Category(
            "bug",
            "Wrong result",
            "The code does something else than it is meant to do in the case that the message describes.",
            "Write a test for that case first; it should fail now and pass after the change.",
        ),
        Category(
            "security",
            "Security",
            "Somebody who controls data, a request or a file can make the code do what it must not do.",
            "Find out who can reach the code with data of their own, and close that way before merging.",
        ),
        Category(
            "concurrency",
            "Concurrency",
            "Two things that happen at once, or in another order than expected, lead to a wrong state.",
            "Decide what may happen in between what; protect the rest by a lock or by giving it one owner.",
        ),
        Category(
            "error handling",
            "Error handling",
            "A failure is swallowed, reported wrongly, or leaves things half done.",
            "Let the failure reach somebody who can do something about it, with its cause.",
        ),
        Category(
            "performance",
            "Performance",
            "The code takes time or memory that grows faster than it has to.",
            "Measure with data of the size that the message names before and after the change.",
        ),
        Category(
            "compatibility",
            "Compatibility",
            "What worked for callers, stored data or other versions does not work any more.",
            "Keep the old way working, or say in the release notes what breaks and what to do.",
        ),
        Category(
            "design",
            "Design",
            "The structure makes the next change go wrong: the message names which one.",
            "Change it while few places depend on it.",
        ),
        Category(
            "maintainability",
            "Maintainability",
            "The code is harder to understand or to change than it has to be.",
            "Tidy it together with the next change to this place.",
        ),
        Category(
            "testing",
            "Testing",
            "A test does not test what it says, or changed behaviour is tested nowhere.",
            "Break the code once on purpose and see a test fail.",
        ),
        Category(
            "documentation",
            "Documentation",
            "What is written about the code is not what it does.",
            "Correct the text together with the code.",
        ),
        Category(
            OTHER,
            "Other",
            "A problem that fits no other category.",
            "The message says what to do.",
        ),
    )
}
"""By name, in the order in which reviewers are told about them."""


def category_of(name: str) -> Category:
    """The category of that name, or the one for the rest."""
    return CATEGORIES.get(name, CATEGORIES[OTHER])


def help_of(category: Category) -> str:
    """What to do about a finding of a category, as Markdown."""
    return f"{category.meaning}\n\n{category.advice}\n\n{_CHECK.format(name=category.name)}"


SECURITY_SEVERITY: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5",
    Severity.MAJOR: "7.5",
    Severity.MINOR: "3.5",
}
"""Points as GitHub reads them: over 9 is critical, from 7 on high, under 4 low."""
