"""What is new in a change since it was seen last."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import FileChange, FileStatus, Hunk, LineKind, Side
from reviewer.changes.patch import parse_patch
from reviewer.changes.prints import WIDTH, Narrowed, narrowed, prints
from reviewer.prompting.batch import widened
from tests.support.repository import Builder


def change_of(repo: Builder, old: list[str], new: list[str]) -> FileChange:
    """A change as git tells it."""
    repo.commit({"f": "".join(f"{line}\n" for line in old)})
    repo.commit({"f": "".join(f"{line}\n" for line in new)})
    (change,) = parse_patch(repo.git("diff", "HEAD~1", "HEAD").encode(), name="p")
    return change


def added(lines: list[str]) -> FileChange:
    """A new file."""
    body = "".join(f"+{line}\n" for line in lines)
    text = f"diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    (change,) = parse_patch(text.encode(), name="p")
    return change


def shown(change: FileChange | None) -> list[str]:
    return [line.text for hunk in hunks(change) for line in hunk.lines]


def hunks(change: FileChange | None) -> tuple[Hunk, ...]:
    return change.hunks if change else ()


LINES = [f"line {number}" for number in range(100)]


def test_what_was_seen_is_not_shown_again():
    change = added(LINES)
    again = narrowed(change, prints(change))
    assert (again.change, again.same, len(prints(change))) == (None, 100, 100 * WIDTH)


def test_a_new_line_is_shown_with_those_around_it():
    now = added([*LINES[:50], "fresh", *LINES[50:]])
    again = narrowed(now, prints(added(LINES)))
    assert shown(again.change) == [*LINES[38:50], "fresh", *LINES[50:62]]
    assert again.same == 101 - 25
    (hunk,) = hunks(again.change)
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (0, 0, 39, 25)
    assert [line.new for line in hunk.lines] == list(range(39, 64))


def test_a_gap_shows_its_edges():
    now = added([*LINES[:50], *LINES[60:]])
    again = narrowed(now, prints(added(LINES)))
    assert shown(again.change) == [*LINES[37:50], *LINES[60:73]]


def test_what_is_gone_at_the_end_shows_the_end():
    again = narrowed(added(LINES[:90]), prints(added(LINES)))
    assert shown(again.change) == LINES[77:90]


def test_places_far_apart_are_hunks_of_their_own():
    now = added(["first", *LINES, "last"])
    again = narrowed(now, prints(added(LINES)))
    assert [hunk.new_start for hunk in hunks(again.change)] == [1, 90]


def test_another_kind_of_line_is_new():
    before, now = added(LINES), added(LINES)
    (hunk,) = now.hunks
    other = replace(
        now, hunks=(replace(hunk, lines=tuple(line._replace(kind=LineKind.REMOVED) for line in hunk.lines)),)
    )
    assert shown(narrowed(other, prints(before)).change) == LINES


def test_nothing_seen_shows_the_same_change():
    change = added(LINES)
    assert narrowed(change, "") == Narrowed(change, 0)


def test_more_context_is_taken_from_what_will_be_shown(repo: Builder):
    old = [f"l{number}" for number in range(60)]
    seen = change_of(repo, old, [*old[:10], "one", *old[10:]])
    now = change_of(repo, [*old, "x"], [*old[:10], "one", *old[10:30], "two", *old[30:], "x"])
    now = replace(now, new_lines=(*old[:10], "one", *old[10:30], "two", *old[30:], "x"))
    again = narrowed(now, prints(seen), widened(now))
    assert "one" not in shown(again.change)
    assert shown(again.change) == [*old[22:30], "two", *old[30:38]]
    (hunk,) = hunks(again.change)
    assert again.change
    assert widened(again.change) == (hunk,)


def test_a_file_that_shows_nothing_now_is_not_taken_for_read():
    change = FileChange("f", FileStatus.MODIFIED)
    assert narrowed(change, "abcd").change == change


def test_the_same_lines_under_another_heading_are_new():
    text = "--- a/f\n+++ b/f\n@@ -3,1 +3,2 @@ class {}:\n a\n+b\n"
    (one,), (two,) = (parse_patch(text.format(name).encode(), name="p") for name in ("A", "B"))
    assert narrowed(one, prints(one)).change is None
    assert shown(narrowed(two, prints(one)).change) == ["a", "b"]


TEXT = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=60)


@given(TEXT, TEXT)
def test_every_line_that_is_new_is_shown_and_numbers_stay(before, now):
    change = added(now)
    again = narrowed(change, prints(added(before)))
    left = shown(again.change)
    missing = [line for line in set(now) if now.count(line) - left.count(line) > before.count(line)]
    assert not missing
    assert again.same == len(now) - len(left)
    for hunk in hunks(again.change):
        numbers = [line.new for line in hunk.lines]
        assert numbers == list(range(hunk.new_start, hunk.new_start + hunk.new_count))
        assert [line.text for line in hunk.lines] == now[
            hunk.new_start - 1 : hunk.new_start - 1 + len(numbers)
        ]


def test_numbers_of_parts_are_those_of_git(repo: Builder):
    """Each part of a hunk says the lines that it has, on both sides."""
    old = [f"l{number}" for number in range(60)]
    new = [line for number, line in enumerate(old) if number % 7] + ["end"]
    new[20:20] = ["in"] * 3
    change = change_of(repo, old, new)
    seen = change_of(repo, old, [line for line in new if line != "in"])
    again = narrowed(change, prints(seen))
    assert again.same
    assert hunks(again.change)
    for hunk in hunks(again.change):
        for side, start, count in (
            (Side.OLD, hunk.old_start, hunk.old_count),
            (Side.NEW, hunk.new_start, hunk.new_count),
        ):
            numbers = [line.old if side is Side.OLD else line.new for line in hunk.lines]
            known = [number for number in numbers if number is not None]
            assert known == list(range(start, start + count))
