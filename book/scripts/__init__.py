"""What `make` runs, each as ``python -m book.scripts.NAME``, and what these share.

Whoever starts one in a checkout has that checkout's library and pages, whatever is installed.
"""
