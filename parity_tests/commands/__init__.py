"""tf-parity: a file a command, found by its name, and what the commands share.

``cli.py`` is the group of all and how each ends; ``options.py`` and ``settings.py`` what
is asked of them; ``outputs.py``, ``console.py`` and ``tables.py`` where and how they answer.
"""
