"""What is understood of a reply, and what is refused."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import InvalidReplyError
from reviewer.findings.reply import read_review, read_verdict
from reviewer.models.model import Finish, Reply
from reviewer.prompting.contract import Confidence, Horizon, Severity
from tests.support.shared import rows
from tests.support.values import finding, review

GOOD = json.dumps(
    {
        "findings": [
            {
                "file": "a.py",
                "line": 12,
                "severity": "high",
                "title": "SQL injection",
                "snippet": 'q = f"SELECT {x}"\nrun(q)',
            }
        ],
        "summary": "one",
    },
    indent=1,
)


def files(text: str) -> list[str]:
    return [claim.file for claim in read_review(Reply(text)).claims]


READABLE = {
    "clean": (GOOD, ["a.py"]),
    "fence": (f"```json\n{GOOD}\n```", ["a.py"]),
    "prose and fence": (f"Here is the review:\n\n```json\n{GOOD}\n```\nLet me know!", ["a.py"]),
    "fence of tildes": (f"~~~\n{GOOD}\n~~~", ["a.py"]),
    "prose around": (f"Sure! {GOOD}\nHope this helps {{really}}.", ["a.py"]),
    "thoughts before": (f'<think>maybe {{"findings": []}} is right? no.</think>\n{GOOD}', ["a.py"]),
    "thoughts that nothing opened": (f'{{"findings": []}} hm, no.\n</think>\n{GOOD}', ["a.py"]),
    "trailing commas": (GOOD.replace('"one"', '"one",').replace('run(q)"', 'run(q)",'), ["a.py"]),
    "single quotes": (str({"findings": [{"file": "a.py", "line": 12, "title": "x"}], "summary": "one"}), ["a.py"]),
    "python literals": ('{"findings": [{"file": "a.py", "title": "x", "ok": True, "y": None}]}', ["a.py"]),
    "raw line feed in a string": ('{"findings":[{"file":"a.py","title":"t","snippet":"q = 1\nrun(q)"}]}', ["a.py"]),
    "bad escapes": ('{"findings":[{"file":"a.py","title":"re \\d+ C:\\x"}]}', ["a.py"]),
    "comments": ('{\n// list\n"findings":[{"file":"a.py","title":"see // here"}], /* x */ "summary":"one"}', ["a.py"]),
    "unquoted keys": ('{findings:[{file:"a.py",line:3,title:"x"}],summary:"one"}', ["a.py"]),
    "missing comma between fields": ('{"findings":[{"file":"a.py" "title":"x"}] "summary":"one"}', ["a.py"]),
    "missing comma between objects": (
        '{"findings":[{"file":"a.py","title":"x"} {"file":"b.py","title":"y"}],"summary":"one"}',
        ["a.py", "b.py"],
    ),
    "smart quotes": ("{“findings”:[{“file”:“a.py”,“title”:“x”}],“summary”:“one”}", ["a.py"]),
    "not a number": ('{"findings":[{"file":"a.py","title":"x","score":NaN}],"summary":"one"}', ["a.py"]),
    "a finding a line": ('{"file":"a.py","line":1,"title":"x"}\n{"file":"b.py","line":2,"title":"y"}', ["a.py", "b.py"]),
    "draft, then final": ('{"findings":[]}\n\nFinal:\n{"findings":[{"file":"a.py","title":"x"}]}', ["a.py"]),
    "final empty after a draft": ('{"findings":[{"file":"a.py","title":"x"}]}\nOn reflection:\n{"findings":[]}', []),
    "list twice": ('{"findings":[{"file":"a.py","title":"x"}],"findings":[{"file":"b.py","title":"y"}]}', ["a.py", "b.py"]),
    "yaml": ("findings:\n  - file: a.py\n    line: 3\n    title: x\nsummary: one", ["a.py"]),
    "ellipsis": ('{"findings":[{"file":"a.py","title":"x"}, ...],"summary":"one"}', ["a.py"]),
    "JSON in a JSON string": (json.dumps(GOOD), ["a.py"]),
    "byte order mark and tab": ('\ufeff{"findings":[{"file":"a.py","title":"\tx"}]}', ["a.py"]),
    "list at the root": ('[{"file": "a.py", "title": "x"}]', ["a.py"]),
    "empty list": ("[]", []),
    "one finding at the root": ('{"file": "a.py", "title": "x"}', ["a.py"]),
    "wrapped": ('{"review": {"issues": [{"file": "a.py", "title": "x"}]}}', ["a.py"]),
    "tool call": (json.dumps({"name": "submit", "arguments": GOOD}), ["a.py"]),
    "findings by id": ('{"findings": {"f1": {"file": "a.py", "title": "x"}, "f2": {"file": "b.py", "title": "y"}}}', ["a.py", "b.py"]),
    "one finding instead of a list": ('{"findings": {"file": "a.py", "title": "x"}}', ["a.py"]),
    "null instead of a list": ('{"findings": null, "summary": "fine"}', []),
    "word instead of a list": ('{"findings": "none", "summary": "fine"}', []),
    "other case": ('{"Findings": [{"FilePath": "a.py", "Title": "x"}]}', ["a.py"]),
    "channels": (f"<|channel|>analysis<|message|>hm<|channel|>final <|constrain|>json<|message|>{GOOD}", ["a.py"]),
    "marker of a server": (f"__LM_STUDIO_INTERNAL_LSEP_SYNTHETIC_REASONING_END_0f__{GOOD}", ["a.py"]),
    "text instead of a finding": ('{"findings": ["a.py:3 is wrong"]}', [""]),
    "an empty list of another name is quoted behind": (f'{GOOD}\nAn API that returns {{"results": []}} is fine.', ["a.py"]),
    "a fragment is quoted behind": (f'{review(finding())}\nI would send {{"findings": []}} otherwise.', ["shop/cart.py"]),
    "each finding in a fence": (
        'One:\n```json\n{"file": "a.py", "title": "x"}\n```\nTwo:\n```json\n{"file": "b.py", "title": "y"}\n```',
        ["a.py", "b.py"],
    ),
    "groups by file": (
        '[{"file": "a.py", "summary": "s", "issues": [{"line": 1, "title": "x"}]}, {"file": "b.py", "issues": [{"line": 2, "title": "y"}]}]',
        ["a.py", "b.py"],
    ),
    "groups by name": ('{"src/a.py": [{"line": 1, "title": "x"}], "src/b.py": [{"line": 2, "title": "y"}]}', ["src/a.py", "src/b.py"]),
    "one group": ('{"file": "a.py", "summary": "s", "issues": [{"line": 1, "title": "x"}, {"file": "b.py", "title": "y"}]}', ["a.py", "b.py"]),
    "token of a template inside a finding": (
        'Review:\n{"findings": [{"file": "a.py", "title": "x", "message": "<|channel|>analysis<|message|>"}]}',
        ["a.py"],
    ),
    "tag inside a finding that broke off": (
        'Review:\n{"findings": [{"file": "a.py", "title": "x"}, {"file": "b.py", "message": "misses </think> when',
        ["a.py"],
    ),
    "tag inside a finding": ('{"findings": [{"file": "a.py", "title": "x", "message": "see </think> here"}]}', ["a.py"]),
    "tag inside a finding, with prose": (
        'Review:\n{"findings": [{"file": "a.py", "title": "x", "message": "see </think> here"}]}',
        ["a.py"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READABLE.values(), ids=READABLE)
def test_readable(text, expected):
    assert files(text) == expected


A, B, C = (json.dumps({"file": f"{name}.py", "title": f"t{name}", "line": 1}) for name in "abc")
SEVERAL = {
    "a fence for each file": (
        f'```json\n{{"findings":[{A}],"summary":"one"}}\n```\nand\n'
        f'```json\n{{"findings":[{B}],"summary":"two"}}\n```',
        ["a.py", "b.py"],
    ),
    "an object for each file": (f'{{"findings":[{A}]}}\n\n{{"findings":[{B}]}}', ["a.py", "b.py"]),
    "two names beside each other": (f'{{"findings":[],"bugs":[{A}],"issues":[{B}]}}', ["b.py", "a.py"]),
    "a list and files with lists": (
        f'{{"findings":[{A}],"files":[{{"path":"b.py","issues":[{{"line":2,"title":"x"}}]}}]}}',
        ["a.py", "b.py"],
    ),
    "an empty list and files with lists": (
        '{"findings":[],"files":[{"path":"b.py","issues":[{"line":2,"title":"x"}]}]}',
        ["b.py"],
    ),
    "groups among findings": (
        f'{{"findings":[{A},{{"file":"b.py","summary":"all of it","issues":[{{"line":2,"title":"x"}}]}}]}}',
        ["a.py", "b.py"],
    ),
    "a finding with others inside": (
        '{"findings":[{"file":"a.py","line":1,"title":"x","issues":[{"file":"a.py","line":9,"title":"y"}]}]}',
        ["a.py", "a.py"],
    ),
    "lists in a list": (f'{{"findings":[[{A}],[{B},{C}]]}}', ["a.py", "b.py", "c.py"]),
    "the same finding under two names": (f'{{"findings":[{A}],"bugs":[{A}]}}', ["a.py"]),
}


@pytest.mark.parametrize(("text", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_all_reviews_of_a_reply_count(text, expected):
    assert files(text) == expected
    assert read_review(Reply(text)).doubts == ()


def test_reviews_of_other_files_are_joined_with_all_their_fields():
    one = review(finding(file="a.py"), files_reviewed=["a.py"], rating=8, summary="First.", strengths=["s"])
    two = review(finding(file="b.py"), files_reviewed=["b.py"], rating=4, summary="Second.", strengths=["t"])
    joined = read_review(Reply(f"{one}\n\n{two}"))
    assert (joined.files, joined.rating, joined.summary) == (("a.py", "b.py"), 4, "First.\nSecond.")
    assert joined.strengths == ("s", "t")


def test_an_earlier_review_of_the_same_files_is_a_draft_that_raises_a_doubt():
    draft, final = review(finding(), finding(title="Lost", quote="lost")), review(finding())
    found = read_review(Reply(f"{draft}\n\nFinal answer:\n\n{final}"))
    assert [claim.title for claim in found.claims] == ["Division by zero for an empty cart"]
    assert found.doubts == (
        "the answer holds a second review of the same files, with 1 finding that the one taken for final "
        "does not have",
    )
    assert read_review(Reply(f"{final}\n\nAgain:\n\n{final}")).doubts == ()


CRITICAL = finding(severity="critical", title="Lost data", quote="drop()")
LESS = json.dumps({k: v for k, v in json.loads(review(CRITICAL)).items() if k != "recommendations"})
BROKEN = review(CRITICAL, files_reviewed=["shop/util.go"]).replace("Lost data", 'Lost "data"')
BEHIND = {
    "only a list behind": f"{review()}\n" + json.dumps({"findings": [CRITICAL]}),
    "a bare list behind": f"{review()}\n[{json.dumps(CRITICAL)}]",
    "a bare finding behind": f"{review()}\n{json.dumps(CRITICAL)}",
    "a fenced draft, then a broken one": f"```json\n{review()}\n```\n```json\n{BROKEN}\n```",
    "one of two files does not decode": f"{review(finding())}\n{BROKEN}",
    "the second one breaks off": f"{review(finding())}\n{BROKEN[:-30]}",
}


@pytest.mark.parametrize("text", BEHIND.values(), ids=BEHIND)
def test_what_stands_behind_a_review_is_never_lost_in_silence(text):
    found = read_review(Reply(text))
    assert found.doubts or found.truncated
    assert Severity.CRITICAL in {claim.severity for claim in found.claims}


@pytest.mark.parametrize(
    "text", [f"{review()}\nfinal:\n{LESS}", f"```json\n{review()}\n```\nFinal answer: {LESS}"]
)
def test_an_empty_draft_does_not_outdo_a_final_review_that_lacks_a_field(text):
    assert [claim.title for claim in read_review(Reply(text)).claims] == ["Lost data"]


NESTED = {
    "lists by severity": (
        '{"findings":{"critical":[{"file":"a.py","title":"x"}]},"summary":"s"}',
        ["critical"],
    ),
    "a list named for a severity": (
        '{"findings":[],"critical_issues":["SQL injection in login"]}',
        ["critical"],
    ),
    "a list of texts beside": ('{"findings":[],"issues":["SQL injection in login"]}', ["minor"]),
    "findings without a place": (
        '{"findings":[],"security_issues":[{"message":"SQL injection","severity":"critical"}]}',
        ["critical"],
    ),
    "texts that may be anything": ('{"findings":[],"comments":["Well done."],"summary":"s"}', []),
}


@pytest.mark.parametrize(("text", "severities"), NESTED.values(), ids=NESTED)
def test_lists_of_any_name_and_nesting_count(text, severities):
    found = read_review(Reply(text))
    assert [claim.severity for claim in found.claims] == severities


def test_a_tag_inside_of_an_answer_is_no_end_of_thoughts():
    about = finding(explanation="The text `</think>` and </think>[ are cut off.", severity="critical")
    text = f"Here:\n```json\n{review(about, finding(title='Other', quote='x = 1'))}\n```"
    found = read_review(Reply(text))
    assert len(found.claims) == 2
    assert found.doubts == ()


def test_a_list_of_reviews_keeps_the_worse_rating_and_all_words():
    text = json.dumps([json.loads(review(finding(), rating=2)), json.loads(review(rating=9, summary="Two."))])
    found = read_review(Reply(text))
    assert (found.rating, found.summary) == (2, "Changes how the mean price is computed.\nTwo.")


def test_a_closing_draft_does_not_stand_in_for_a_broken_final_one():
    draft = '{"summary": "Great.", "rating": 10}'
    with pytest.raises(InvalidReplyError):
        read_verdict(Reply(f"{draft}\nNo:\n" + '{"summary": "It "must" not be merged", "rating": 2'))
    assert read_verdict(Reply(f"{draft}\nNo:\n" + '{"summary": "Bad.", "rating": 2}')).rating == 2


def test_fields_nested_without_end_are_cut():
    deep = json.loads('{"a":' * 900 + "1" + "}" * 900)
    text = json.dumps({"findings": [finding(title=deep)]})
    (claim,) = read_review(Reply(text)).claims
    assert "…" in claim.title


def test_an_entry_that_is_no_finding_is_shown_as_it_came():
    text = json.dumps({"findings": [finding(), {"file": "a.py", "verdict": "ünsafe", "severity": "high"}]})
    _, strange = read_review(Reply(text)).claims
    assert (strange.file, strange.title, strange.severity) == (
        "a.py",
        "An entry that could not be understood",
        Severity.MAJOR,
    )
    assert strange.explanation == '{"file": "a.py", "verdict": "ünsafe", "severity": "high"}'


REFUSED = {
    "nothing": "",
    "blanks": "  \n\n",
    "empty fence": "```json\n```",
    "prose": "LGTM! No issues found.",
    "markdown": "## Review\n\n1. **a.py:12** - SQL injection (high)\n2. `b.py` looks fine",
    "only thoughts": '<think>{"findings": [{"file": "a.py", "title": "draft"}]}',
    "thoughts that never end": '<think>first {"findings": []} then',
    "only a channel for analysis": '<|channel|>analysis<|message|>{"findings": []}',
    "another object": '{"status": "ok", "strengths": []}',
    "no findings but a summary": '{"summary": "all fine", "rating": 9}',
    "an empty list of another name among other text": 'It returns {"results": []} then.',
    "an empty list among other text": "The tags are [] and the rest is fine.",
    "numbers in a list": "Lines [12, 15] look fine.",
    "truncated before the first finding": '{"summary": "Three issues.", "findings": [{"fil',
    "thousands of brackets": "[" * 5000,
    "findings that are none": '{"findings": [1, 2, {}]}',
    "yaml that refers to itself": "findings: &-a\n  - file: a.py\n    title: *-a\n",
    "a list of something else": '{"results": [{"score": 3}]}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refused_and_kept_whole(text):
    with pytest.raises(InvalidReplyError) as caught:
        read_review(Reply(text))
    assert caught.value.text == text
    assert caught.value.problems


def test_fields_are_read():
    reply = read_review(Reply(review(finding(suggestion="    return 0"), confidence=0.9)))
    (claim,) = reply.claims
    assert (claim.file, claim.line, claim.end_line) == ("shop/cart.py", 14, 14)
    assert claim.quote == "        return total / count"
    assert claim.suggestion == "    return 0"
    assert (claim.severity, claim.category, claim.confidence) == (Severity.MAJOR, "bug", Confidence.HIGH)
    assert (reply.rating, reply.repaired, reply.truncated) == (7, False, False)
    assert [(a.text, a.horizon) for a in reply.recommendations] == [
        ("Give the cart a type of its own.", Horizon.MEDIUM)
    ]
    assert reply.files == ("shop/cart.py", "shop/util.go")


LINES = {
    "number": ({"line": 12}, (12, 12)),
    "text": ({"line": " 12 "}, (12, 12)),
    "range": ({"line": "12-15"}, (12, 15)),
    "L": ({"line": "L12-L15"}, (12, 15)),
    "list": ({"lines": [12, 15]}, (12, 15)),
    "object": ({"location": "a.py", "line": {"start": 12, "end": 15}}, (12, 15)),
    "two fields": ({"line_start": 12, "line_end": 15}, (12, 15)),
    "camel case": ({"startLine": 12, "endLine": 15}, (12, 15)),
    "inverted": ({"line_start": 15, "line_end": 12}, (12, 15)),
    "in the path": ({"file": "a.py:12"}, (12, 12)),
    "range in the path": ({"file": "a.py#L12-L15"}, (12, 15)),
    "zero": ({"line": 0}, (None, None)),
    "negative": ({"line": -3}, (None, None)),
    "true": ({"line": True}, (None, None)),
    "words": ({"line": "somewhere"}, (None, None)),
    "fraction": ({"line": 12.7}, (None, None)),
    "huge": ({"line": 10**30}, (100000000, 100000000)),
}


@pytest.mark.parametrize(("fields", "expected"), LINES.values(), ids=LINES)
def test_lines(fields, expected):
    (claim,) = read_review(Reply(json.dumps({"findings": [{"file": "a.py", "title": "x"} | fields]}))).claims
    assert (claim.line, claim.end_line) == expected
    assert claim.file == "a.py"


SEVERITIES = [
    ("crit", Severity.CRITICAL),
    ("Sev-1", Severity.CRITICAL),
    ("severity 2", Severity.MAJOR),
    ("not critical but major", Severity.MAJOR),
    ("serious", Severity.MAJOR),
    ("CRITICAL", Severity.CRITICAL),
    ("**High**", Severity.MAJOR),
    ("P0", Severity.CRITICAL),
    ("warning", Severity.MAJOR),
    ("Low", Severity.MINOR),
    ("nit", Severity.MINOR),
    ("non-critical", Severity.MINOR),
    ("High (on the critical path)", Severity.MAJOR),
    ("whatever", Severity.MINOR),
    (None, Severity.MINOR),
]


@pytest.mark.parametrize(("text", "expected"), SEVERITIES)
def test_severity(text, expected):
    (claim,) = read_review(Reply(json.dumps({"findings": [finding(severity=text)]}))).claims
    assert claim.severity is expected


RATINGS = [(8, 8), ("8/10", 8), ("4/5", 8), ("85%", 9), (7.5, 8), ("7,5", 8), (0, 1), (11, None), (-3, None), (True, None), ("great", None)]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), RATINGS)
def test_rating(value, expected):
    assert read_review(Reply(review(rating=value))).rating == expected


CONFIDENCES = [("High", Confidence.HIGH), (0.9, Confidence.HIGH), ("40%", Confidence.MEDIUM), (2, Confidence.LOW), (8, Confidence.HIGH), ("?", Confidence.MEDIUM), (25, Confidence.LOW), ("1/10", Confidence.LOW), ("5/5", Confidence.HIGH), ("0,9", Confidence.HIGH)]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CONFIDENCES)
def test_confidence(value, expected):
    (claim,) = read_review(Reply(review(finding(confidence=value)))).claims
    assert claim.confidence is expected


CATEGORIES = [("Security Vulnerability", "security"), ("Code Defect", "bug"), ("race", "concurrency"), ("privilege escalation", "security"), ("traceability", "traceability"), (None, "other"), ("poetry", "poetry")]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CATEGORIES)
def test_category(value, expected):
    (claim,) = read_review(Reply(review(finding(category=value)))).claims
    assert claim.category == expected


def test_texts_in_odd_forms():
    reply = read_review(
        Reply(
            review(
                finding(explanation=["One.", "Two."], quote=["a", "b"], suggestion="```python\nx = 1\n```"),
                strengths="- first\n2. second",
                recommendations=["Soon: do it", {"description": "Do that", "priority": "long-term"}, {}],
            )
        )
    )
    (claim,) = reply.claims
    assert (claim.explanation, claim.quote, claim.suggestion) == ("One.\nTwo.", "a\nb", "x = 1")
    assert reply.strengths == ("first", "second")
    assert [(a.text, a.horizon) for a in reply.recommendations] == [
        ("Soon: do it", Horizon.MEDIUM),
        ("Do that", Horizon.LONG),
    ]


def test_plain_text_has_the_severity_that_it_begins_with():
    reply = read_review(Reply('{"findings": ["[major] x is wrong", "Blocking call here", "Critical: y"]}'))
    assert [claim.severity for claim in reply.claims] == [Severity.MAJOR, Severity.MINOR, Severity.CRITICAL]


def test_fields_around_a_list_are_kept_although_they_do_not_decode():
    text = '{"findings": [{"file": "a.py", "title": "x"}], "rating": 4, "summary": "a "quoted" word"}'
    reply = read_review(Reply(text))
    assert (len(reply.claims), reply.rating) == (1, 4)


def test_title_is_made_from_the_explanation():
    text = "The guard is gone. Everything after this sentence is detail."
    (claim,) = read_review(Reply(json.dumps({"findings": [{"file": "a.py", "message": text}]}))).claims
    assert (claim.title, claim.explanation) == ("The guard is gone", text)
    long = "word " * 40
    (claim,) = read_review(Reply(json.dumps({"findings": [{"file": "a.py", "message": long}]}))).claims
    assert claim.title.endswith("word …")
    (claim,) = read_review(Reply('{"findings": [{"file": "a.py", "quote": "x = 1"}]}')).claims
    assert claim.title == "(no explanation given)"


def test_empty_entries_are_counted():
    reply = read_review(Reply(json.dumps({"findings": [None, finding(), {}]})))
    assert len(reply.claims) == 1
    assert reply.notes == ("2 of 3 entries of the list of findings were empty",)


def test_truncated_reply_keeps_complete_findings_only():
    whole = review(finding(), finding(file="b.py"))
    reply = read_review(Reply(whole[: whole.index("b.py") + 40], finish=Finish.LENGTH))
    assert [claim.file for claim in reply.claims] == ["shop/cart.py"]
    assert reply.truncated
    assert reply.repaired


MONSTERS = {
    "braces": "{" * 400_000,
    "nested objects": '{"a":' * 20_000,
    "closing tags": "</think>\n" * 40_000,
    "fences": "```\n" * 100_000,
    "prose with braces": "lorem { ipsum " * 30_000,
    "lists that never end": "[" * 300 + '{"a":1},' * 55_000,
    "comments that never end": "{/*" * 160_000,
    "objects below many lists": "[" * 90 + '{"a":1},' * 20_000,
    "many rows of YAML": "findings:\n" + "  - {file: a.py, title: x}\n" * 7_500,
    "an endless string": '{"findings": [{"title": "' + 'x\\"' * 100_000,
}


@pytest.mark.parametrize("text", MONSTERS.values(), ids=MONSTERS)
def test_monsters_are_refused_in_bounded_time(text):
    import time

    started = time.process_time()
    with contextlib.suppress(InvalidReplyError):
        read_review(Reply(text))
    assert time.process_time() - started < 10


def test_what_is_cut_off_for_its_length_is_not_whole():
    text = review(*[finding(title=f"number {n}") for n in range(2000)])
    assert len(text) > 500_000
    reply = read_review(Reply(text))
    assert reply.truncated
    assert len(reply.claims) > 1000


def test_length_marks_even_a_complete_object():
    assert read_review(Reply(review(), finish=Finish.LENGTH)).truncated


def test_answer_in_the_channel_for_thoughts_counts_only_as_a_whole():
    assert len(read_review(Reply("", reasoning=review(finding()))).claims) == 1
    with pytest.raises(InvalidReplyError):
        read_review(Reply("", reasoning=f"I think: {review(finding())}"))
    with pytest.raises(InvalidReplyError):
        read_review(Reply(" ", reasoning=""))


def test_code_taken_for_fields_is_not_believed():
    """A repairer makes keys of unescaped quotes in code; such findings are refused, not invented."""
    text = '{"findings":[{"file":"a.js","title":"t","snippet":"if (x == "a") { return {"k": 1, "l": 2, "m": 3}; }"}]}'
    try:
        claims = read_review(Reply(text)).claims
    except InvalidReplyError:
        return
    assert [claim.file for claim in claims] == ["a.js"]


def test_lone_surrogates_do_not_reach_the_report():
    (claim,) = read_review(Reply(r'{"findings":[{"file":"a.py","title":"x \ud83d y"}]}')).claims
    claim.title.encode("utf-8")


def test_verdict():
    text = 'Well: {"summary": "Fine.", "rating": "8/10", "strengths": ["a"], "recommendations": ["b"]}'
    verdict = read_verdict(Reply(text))
    assert (verdict.rating, verdict.summary, verdict.strengths) == (8, "Fine.", ("a",))
    assert read_verdict(Reply("{summary: 'Fine.'}")).summary == "Fine."
    with pytest.raises(InvalidReplyError):
        read_verdict(Reply("{summary: 'Good, but must not be mer"))
    assert read_verdict(Reply('{"summary": "Fine."}')).rating is None
    for bad in ("nothing", "[1]", '{"strengths": []}'):
        with pytest.raises(InvalidReplyError):
            read_verdict(Reply(bad))


@given(text=st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    try:
        read_review(Reply(text))
    except InvalidReplyError as error:
        assert error.text == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["findings", "file", "title", "line", "quote", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200)
@given(value=json_values)
def test_any_json_is_read_or_refused(value):
    try:
        reply = read_review(Reply(json.dumps(value)))
    except InvalidReplyError:
        return
    assert all(claim.title for claim in reply.claims)


def fold(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def test_replies_as_models_send_them(record_property):
    """Of the core cases at least 98 % of the findings come back, none of a draft, and nothing unreadable
    counts as clean."""
    expected = found = 0
    for row in rows("cases", "malformed", "replies.jsonl"):
        try:
            claims = read_review(Reply(row["raw"])).claims
        except InvalidReplyError:
            assert row["outcome"] in {"unparseable", "no_findings"} or row["tier"] == "stretch", row["id"]
            continue
        assert row["outcome"] != "unparseable", row["id"]
        assert not any("draft.txt" in claim.file for claim in claims), row["id"]
        if row["tier"] == "core":
            texts = {fold(claim.explanation) for claim in claims}
            expected += len(row["expected_findings"])
            found += sum(fold(item["message"]) in texts for item in row["expected_findings"])
    print(f"core: {found} of {expected} findings come back ({found / expected:.1%})")
    assert found >= 0.98 * expected


def test_prose_reviews_are_refused_and_kept_whole():
    for row in rows("cases", "raw_replies", "prose_replies.jsonl"):
        with pytest.raises(InvalidReplyError) as caught:
            read_review(Reply(row["raw"]))
        assert caught.value.text == row["raw"]
