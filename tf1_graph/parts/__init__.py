"""TF1's side of the parts of tf2_keras.tf1_semantics, written once, one file a kind.

A part is its name there, such as ``optimizers.Adam``, and its arguments, which are plain
data: numbers, text, arrays; a part within a part is a pair of the two, as the schedule in
``('optimizers.Adam', {'learning_rate': ('schedules.CosineDecay', {...})})``. Each file has

    SYMBOLS   {part: the TF1 symbol that it reproduces}
    program   (part, arguments, problem) -> what TF1 programs wrote, a session.Program
    CASES     {name of a play: Case}: what genuine 1.15.5 records of each part
    play      Case -> (program, moves, values, settings), which session.play takes

and says at its top what a problem is there; ``normalizations`` and ``layer_models`` are
the layers' too. All of it runs on Python 3.7 and 1.15.5,
where the genuine symbols are used, those of tf.contrib included, and on today's compat.v1.
"""
