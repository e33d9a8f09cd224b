"""Where the two sides meet: comparison, data, budgets, the command line.

Nothing heavy is imported here: the data sets are also read under Python 3.7.
"""
