"""tf-parity seeds: the random ops of an exported TF1 graph."""

import os

import click
from rich.text import Text

from parity_tests.commands import console, options, outputs
from parity_tests.commands.mistakes import UserError, told


@click.command(
    "seeds",
    cls=options.Command,
    examples=["seeds model.meta", "seeds model.meta --json seeds.json"],
)
@click.argument("path", metavar="MODEL.meta", type=click.Path())
@options.json_file
def command(path, json_path):
    """The random ops of an exported TF1 graph, and their seeds.

    Each comes with the line that draws the same numbers in TF2.
    """
    with outputs.Output(json_path, "--json", [path]) as output:
        if not os.path.isfile(path):
            kind = "a folder" if os.path.isdir(path) else "no such file"
            raise UserError(
                f"MODEL.meta must name a file. Received: {path} ({kind}). "
                "Name what tf.train.Saver.save or export_meta_graph wrote."
            )
        console.import_tensorflow()
        from parity_tests.commands import seeds_table
        from tf1_graph import seeds as random_seeds

        with told(ValueError):
            meta_graph = seeds_table.read(path)
            random_ops = random_seeds.random_ops(meta_graph)
        if random_ops:
            output.show(seeds_table.table(path, meta_graph, random_ops))
        else:
            output.show(Text(f"{path} holds no random op: there is nothing to seed."))
        data = [random_op.as_data() for random_op in random_ops]
        output.write({"meta_graph": path, "random_ops": data})
