"""The form above a table of rows, which interactive/rows.js filters and sorts.

A row fits a choice if it has the class NAME-VALUE, or stands in or holds what has it.
Without JavaScript all rows are shown and the form is not.
"""

from html import escape


def menu(name, options):
    """Return a menu of the form; `options` maps what a class ends in to what is shown."""
    items = "".join(
        f'<option value="{escape(value)}">{escape(text)}</option>'
        for value, text in {"": "all", **options}.items()
    )
    return f'<label>{name.capitalize()} <select name="{name}">{items}</select></label>'


def form(rows, noun, menus, example=""):
    """Return the form as HTML.

    Parameters
    ----------
    rows : str
        CSS selector of the rows.
    noun : str
        What a row is about, for the line that counts them.
    menus : list of str
        What `menu` gave.
    example : str
        Words that one may look for.
    """
    hint = f' placeholder="{escape(example)}"' if example else ""
    return "\n".join(
        [
            f'<form class="row-filter" role="search" aria-label="{noun.capitalize()}s"'
            f' data-rows="{escape(rows)}" data-noun="{noun}">',
            *menus,
            f'<label>Words <input type="search" name="words"{hint}></label>',
            '<button type="reset">Show all</button>',
            '<p role="status" aria-live="polite"></p>',
            "</form>",
        ]
    )
