"""What the book needs beyond its libraries: exercises, data, figures, experiments, and its build.

Imported by chapters, tests and the build; not published. It may import `dropcheck` and
`dropoutlib`; neither of them imports it.
"""
