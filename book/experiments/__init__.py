"""Experiments on real data: what the book claims about training, run over several seeds.

`registry` says what an experiment is, each module of `studies` holds some, `runner` runs and
stores them, `results` reads what is stored, and `statistics` says what follows from it.
"""
