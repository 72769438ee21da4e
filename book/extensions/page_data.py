"""Data of a page, in the page, for one that is opened from disk may fetch nothing."""

import json


def data_script(name, data):
    """Return the element of class `name` that holds data as JSON; no text in them can end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f'<script type="application/json" class="{name}">{text}</script>'
