"""What the pages need of Sphinx beyond its settings, one extension a concern.

Extensions rather than steps after a build, because each hook must see what only Sphinx knows.
So whichever command builds the book, its pages are whole. `_config.yml` lists them.
"""
