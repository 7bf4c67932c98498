"""Captions: the texts of ``workflow/report``, one for each drawing, as HTML."""

from docutils.core import publish_parts
from docutils.writers.html5_polyglot import Writer

SETTINGS = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 2, "halt_level": 2, "smart_quotes": False}


def caption_html(text: str) -> str:
    """A reStructuredText caption as paragraphs of HTML.

    Raises
    ------
    docutils.utils.SystemMessage
        If the text is not valid; nothing is rendered in part.
    """
    return publish_parts(text, writer=Writer(), settings_overrides=SETTINGS)["body"].strip()
