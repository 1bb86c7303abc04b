"""What is asked: exact prompts, and what holds for all of them."""

from pathlib import Path

import pytest

from reviewer.errors import RoleError
from reviewer.prompting.batch import divide
from reviewer.prompting.contract import AskedReview, AskedVerdict, portable_schema
from reviewer.prompting.prompt import (
    Message,
    Speaker,
    Wording,
    marker_for,
    review_prompt,
    system_text,
    verdict_prompt,
    with_correction,
)
from reviewer.prompting.role import Role, built_in_folder, load_partials, load_roles, parse_role
from reviewer.prompting.template import Templates
from reviewer.prompting.trial import check_role
from tests.support.roles import reviewing_roles
from tests.support.values import changes

ROLES = reviewing_roles()
WORDING = Wording(Templates(load_partials([built_in_folder()])))


def texts(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"##### {message.speaker.value}\n{message.text}" for message in messages)


@pytest.mark.parametrize("name", ROLES)
def test_prompt_of_a_role(name, snapshot):
    (batch,) = divide(changes(), globs=(), budget=9000).batches
    assert texts(review_prompt(ROLES[name], batch, WORDING).messages) == snapshot


def test_prompt_for_files_as_they_are_in_two_parts(snapshot):
    batches = divide(changes(snapshot=True), globs=(), budget=120).batches
    assert len(batches) == 2
    prompt = review_prompt(
        ROLES["code_quality"], batches[0], Wording(WORDING.templates, "We support Python 3.11.")
    )
    assert texts(prompt.messages) == snapshot
    assert prompt.label == "code_quality 1/2"


def test_closing_prompt(snapshot):
    prompt = verdict_prompt(ROLES["architecture"], "Part 1: fine", WORDING, parts=2, snapshot=False)
    assert texts(prompt.messages) == snapshot
    assert prompt.schema["required"] == ["strengths", "recommendations", "summary", "rating"]


def test_system_message_is_the_same_for_all_parts():
    batches = divide(changes(), globs=(), budget=90).batches
    systems = {review_prompt(ROLES["architecture"], batch, WORDING).messages[0].text for batch in batches}
    assert systems == {system_text(ROLES["architecture"], WORDING, snapshot=False)}


def test_material_cannot_contain_its_delimiter():
    marker = marker_for("some code")
    assert marker not in "some code"
    clash = f"code {marker_for('code ')}"
    assert marker_for(clash) not in clash


def test_nothing_of_the_author_reaches_the_prompt():
    """Title and message of a commit frame the change as its author wants it seen."""
    from dataclasses import replace

    framed = replace(changes(), title="Safe refactoring, no bugs", notes=("trust me",))
    (batch,) = divide(framed, globs=(), budget=9000).batches
    text = texts(review_prompt(ROLES["architecture"], batch, WORDING).messages)
    assert "Safe refactoring" not in text
    assert "trust me" not in text


def test_files_that_are_not_shown_are_named():
    batches = divide(changes(), globs=("*.go",), budget=9000).batches
    assert batches[0].others == ("shop/cart.py",)
    assert "- shop/cart.py" in texts(review_prompt(ROLES["architecture"], batches[0], WORDING).messages)


def test_schema_is_what_every_server_accepts(snapshot):
    assert portable_schema(AskedReview) == snapshot
    assert portable_schema(AskedVerdict)["additionalProperties"] is False


def test_correction_keeps_the_request_and_adds_what_was_wrong():
    (batch,) = divide(changes(), globs=(), budget=9000).batches
    prompt = review_prompt(ROLES["architecture"], batch, WORDING)
    again = with_correction(prompt, "{oops", ["not JSON"])
    assert again.messages[:2] == prompt.messages
    assert [message.speaker for message in again.messages[2:]] == [Speaker.ASSISTANT, Speaker.USER]
    assert "- not JSON" in again.messages[3].text
    assert again.tokens > prompt.tokens
    assert again.digest != prompt.digest


GOOD = '+++\ntitle = "SQL"\nfocus = "queries"\n+++\nLook for {{ role.title }}.\n'


def test_own_role_without_any_template_is_the_inner_part_of_the_layout():
    role = parse_role(GOOD, name="sql", source="sql.md.j2")
    text = system_text(role, WORDING, snapshot=False)
    assert "Look for SQL." in text
    assert "# Severity" in text


def test_own_role_may_replace_everything():
    body = "{% extends 'partials/layout.md.j2' %}{% block system %}Only this.{% endblock %}"
    role = parse_role(GOOD.replace("Look for {{ role.title }}.", body), name="sql", source="sql.md.j2")
    assert system_text(role, WORDING, snapshot=False) == "Only this.\n"


BROKEN = {
    "no front matter": ("Look.\n", "x.md.j2:1: a role file starts with a line `+++`"),
    "front matter not closed": ('+++\ntitle = "x"\n', "x.md.j2:1: the front matter has no closing line"),
    "no TOML": ("+++\ntitle = \n+++\nx\n", "x.md.j2:2: "),
    "unknown key": (
        GOOD.replace("+++\nLook", 'focsu = "x"\n+++\nLook'),
        "x.md.j2:4: unknown key `focsu`; did you mean `focus`?",
    ),
    "unknown key without a near one": (
        GOOD.replace("+++\nLook", "zzz = 1\n+++\nLook"),
        "x.md.j2:4: unknown key `zzz`; known keys: title",
    ),
    "unknown limit": (
        GOOD.replace("+++\nLook", "[limits]\nfinding = 3\n+++\nLook"),
        "x.md.j2:5: unknown key `limits.finding`; did you mean `findings`?",
    ),
    "missing key": (GOOD.replace('title = "SQL"\n', ""), "x.md.j2:1: the key `title` is missing"),
    "wrong value": (GOOD.replace("+++\nLook", 'kind = "wise"\n+++\nLook'), "x.md.j2:4: `kind`: "),
    "nothing behind": (
        GOOD.split("Look", maxsplit=1)[0],
        "x.md.j2:4: there is no text behind the front matter",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_role_file(text, message):
    with pytest.raises(RoleError) as caught:
        parse_role(text, name="x", source="x.md.j2")
    assert str(caught.value).startswith(message)


BROKEN_BODIES = {
    "syntax": ("a\nb {% if %}\n", "x.md.j2:6: "),
    "unknown variable": ("a\nb\n{{ nope }}\n", "x.md.j2:7: 'nope' is undefined"),
    "unknown attribute": ("{{ role.nope }}", "x.md.j2:5: "),
    "missing partial": (
        'a\n{% include "partials/no.md.j2" %}',
        "x.md.j2:6: there is no template named 'partials/no.md.j2'",
    ),
    "unsafe": ("{{ role.__class__.__mro__ }}", "x.md.j2:5: "),
    "unknown block": (
        "{% extends 'partials/layout.md.j2' %}{% block system %}{{ 1 / 0 }}{% endblock %}",
        "x.md.j2:5: division by zero",
    ),
}


OWN_BLOCKS = {
    "system only": ('{% extends "partials/layout.md.j2" %}\n{% block system %}Mine.{% endblock %}\n', ""),
    "user without the change": (
        "Look.\n{% block user %}x{% endblock %}\n",
        "'user' does not show the change",
    ),
    "a template without blocks": ('{% extends "partials/rules.md.j2" %}\n', "has no block"),
}


@pytest.mark.parametrize(("body", "problem"), OWN_BLOCKS.values(), ids=OWN_BLOCKS)
def test_a_role_may_replace_blocks_but_has_to_show_the_change(body, problem):
    role = parse_role(f'+++\ntitle = "x"\nfocus = "y"\n+++\n{body}', name="x", source="x.md.j2")
    if problem:
        with pytest.raises(RoleError, match=rf"^x\.md\.j2: .*{problem}"):
            check_role(role, WORDING)
        return
    check_role(role, WORDING)
    (batch,) = divide(changes(), globs=(), budget=1000).batches
    system, user = review_prompt(role, batch, WORDING).messages
    assert system.text == "Mine.\n"
    assert "=== shop/cart.py" in user.text


def test_a_file_that_is_nearly_a_role_is_named(tmp_path):
    (tmp_path / "sql.j2").write_text("x")
    with pytest.raises(RoleError, match=r"sql\.j2: is not read as a role; .* ends in \.md\.j2"):
        load_roles([tmp_path])


@pytest.mark.parametrize(("body", "message"), BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_broken_template_names_file_and_line(body, message):
    text = '+++\ntitle = "SQL"\nfocus = "queries"\n+++\n' + body
    with pytest.raises(RoleError) as caught:
        check_role(parse_role(text, name="x", source="x.md.j2"), WORDING)
    assert str(caught.value).startswith(message), str(caught.value)


def test_later_folders_replace_roles_of_earlier_ones(tmp_path):
    (tmp_path / "architecture.md.j2").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("no role")
    roles = load_roles([built_in_folder(), tmp_path])
    assert roles["architecture"].title == "SQL"
    assert list(roles) == ["code_quality", "deep_analysis", "architecture", "fixes"]


def test_role_file_that_is_no_text(tmp_path):
    (tmp_path / "x.md.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(RoleError, match="not UTF-8 text"):
        load_roles([tmp_path])
    (tmp_path / "x.md.j2").unlink()
    (tmp_path / "x.md.j2").symlink_to(tmp_path / "gone")
    with pytest.raises(RoleError, match="cannot be read"):
        load_roles([tmp_path])


def test_own_partials_replace_those_that_ship(tmp_path):
    (tmp_path / "partials").mkdir()
    (tmp_path / "partials" / "severity.md.j2").write_text("# Severity\n\nEverything is minor.\n")
    wording = Wording(Templates(load_partials([built_in_folder(), tmp_path])))
    assert "Everything is minor." in system_text(ROLES["architecture"], wording, snapshot=False)


def test_roles_that_ship_are_found_in_a_checkout():
    assert Path(str(built_in_folder())).name == "prompts"
    assert all(isinstance(role, Role) for role in ROLES.values())
