"""Looking again at what an earlier run has found: is it still there?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reviewer.crew import Crew
from reviewer.examining import Case, Examination, Examiners, ask_about
from reviewer.models.model import ModelRef
from reviewer.pending import Pending
from reviewer.since import Since

NAME = "earlier findings"
"""What this is called where roles have their names."""


async def look_again(since: Since, crew: Crew, examiners: Examiners, record: Examination) -> None:
    """Have those findings of an earlier run looked at of which the code alone does not tell enough.

    Anybody may say whether a problem is still there; who has not found it is asked first.

    Args:
        since: the earlier run.
        crew: who asks and who is asked.
        examiners: who may be asked, and where further code comes from.
        record: everything that comes of it goes in here, by the ids of the earlier findings.
    """
    pending = [item for item in since.pending if item.fate is None]
    if not examiners.models:
        record.left.update({item.finding.id: "no model reviews in this run" for item in pending})
        return
    cases = list(_cases(pending, examiners.models))
    await ask_about(cases, since.code, crew, examiners, record, name=NAME)


def _cases(pending: Sequence[Pending], models: Sequence[ModelRef]) -> Iterator[Case]:
    for item in pending:
        finding = item.finding
        authors = {voice.model for voice in finding.voices}
        others = [model for model in models if str(model) not in authors]
        own = [model for model in models if str(model) in authors]
        here = replace(finding, path=item.path, side=item.side, line=item.line, end_line=item.end_line)
        before = "" if item.found else finding.code or finding.quote
        yield Case(here, (*others, *own), before, gone=item.gone)
