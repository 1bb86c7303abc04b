"""Where the report goes: its forms, its place, and earlier ones."""

from collections.abc import Sequence
from pathlib import Path

from reviewer.commands.setup import Setup, check_formats, shown_path
from reviewer.config.keys import flag_key
from reviewer.console import Terminal
from reviewer.errors import ConfigError, OutputError, UsageError
from reviewer.options import RunOptions
from reviewer.outputs.files import check_place, rescue, write, write_all, write_standard_output
from reviewer.outputs.registry import FORMS, form_of_file
from reviewer.outputs.report import Report


def formats_of(options: RunOptions, setup: Setup) -> Sequence[str]:
    """The forms to write.

    Raises:
        UsageError: a form is unknown, or there are several for one place.
    """
    formats = options.formats or setup.loaded.settings.report.formats
    if options.output and not options.formats:
        suffix = Path(options.output).suffix.removeprefix(".").lower()
        formats = (form_of_file(options.output) or suffix or "md",)
    check_formats(formats, UsageError if options.formats or options.output else ConfigError)
    if options.output and len(formats) != 1:
        raise UsageError("--output takes one report; give one --format with it.")
    return formats


def check_destination(options: RunOptions, setup: Setup) -> None:
    """See before anything is asked whether the report can be written.

    Raises:
        OutputError: it cannot.
    """
    directory = options.common.directory
    if not options.output:
        folder = directory / setup.loaded.settings.report.directory
        own = setup.loaded.is_of_user(flag_key("report.directory"))
        if not own and not folder.resolve().is_relative_to(setup.loaded.root.resolve()):
            raise OutputError(f"{folder}: is a link that leads out of the repository; it is not followed.")
        check_place(folder / "report")
    elif options.output != "-":
        check_place(directory / options.output)


def deliver(
    report: Report, options: RunOptions, setup: Setup, formats: Sequence[str], terminal: Terminal
) -> None:
    """Write the report where the user wants it, and say where it is.

    Raises:
        OutputError: it cannot be written there; it is kept in another place then.
    """
    try:
        texts = {FORMS[name].suffix: FORMS[name].render(report) for name in formats}
    except Exception:  # a bug in one form of the report must not cost the review
        kept = rescue({"json": FORMS["json"].render(report)})
        terminal.fail(f"The report could not be rendered; it is in {kept[0]}.")
        raise
    directory = options.common.directory
    places: dict[str, Path] = {}
    try:
        if options.output == "-":
            write_standard_output(*texts.values())
        elif options.output:
            places = dict.fromkeys(texts, directory / options.output)
            write(directory / options.output, *texts.values())
        else:
            places = write_all(directory / setup.loaded.settings.report.directory, report.created, texts)
    except OutputError:
        terminal.summary(report)
        terminal.fail(f"The report is in {', '.join(map(str, rescue(texts)))} instead.")
        raise
    terminal.summary(report)
    if places:
        shown = " and ".join(shown_path(path, directory) for path in places.values())
        terminal.say(f"Report: {shown}")
