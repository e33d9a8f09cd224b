"""What the options of several commands take: names, numbers, files; and their help."""

import click
from click.shell_completion import CompletionItem

from parity_tests.commands.mistakes import UserError, shortened, told
from parity_tests.models import chapters

LEVELS = ("eager", "function", "fit")


class Known(click.ParamType):
    """One of the known names of something; the nearest are shown for another.

    Args:
        kind: what they are names of, in the plural, as the help heads their list.
        names: an iterable, or a callable that returns one.
        separated: whether one value may be several names with commas between; it is
            then a tuple.
    """

    name = "name"

    def __init__(self, kind, names, separated=False):
        self.kind, self._names, self.separated = kind, names, separated

    def names(self):
        return tuple(self._names() if callable(self._names) else self._names)

    def lists(self):
        """[(heading, names)] for the help."""
        return [(self.kind.capitalize(), self.names())]

    def convert(self, value, parameter, _context):
        with told(chapters.UnknownName):
            for name in value.split(",") if self.separated else [value]:
                chapters.require_known(
                    # An empty one has no nearest name; the words for it would have.
                    shortened(name) if name else name,
                    self.names(),
                    label(parameter),
                )
        return tuple(value.split(",")) if self.separated else value

    def shell_complete(self, _context, _parameter, incomplete):
        begin = incomplete.rfind(",") + 1 if self.separated else 0
        return [
            CompletionItem(incomplete[:begin] + name)
            for name in self.names()
            if name.startswith(incomplete[begin:])
        ]


class Number(click.ParamType):
    """An int or a float from ``low`` to ``high``; ``example`` is the remedy's."""

    name = "number"

    def __init__(self, kind, low, high, example):
        self.kind, self.low, self.high, self.example = kind, low, high, example

    @property
    def range(self):
        return f"{self.low:,} to {self.high:,}"

    def convert(self, value, parameter, _context):
        try:
            number = self.kind(value)
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:  # NaN is in no range
            kind = "a whole number" if self.kind is int else "a number"
            raise UserError(
                f"{label(parameter)} must be {kind} from {self.range}. "
                f"Received: {shortened(value)}. "
                f"Use for instance {label(parameter)} {self.example}."
            )
        return number


def label(parameter):
    """How a user knows a parameter: --option, or the METAVAR of an argument."""
    if isinstance(parameter, click.Argument):
        return parameter.metavar.partition("[:")[0].strip("[].…")
    return parameter.opts[0]


def listed(*names, **said):
    """An option of NAME,NAME: given several times, it is all of them."""

    def joined(_context, _parameter, words):
        return ",".join(words) or None

    return click.option(*names, multiple=True, callback=joined, **said)


class Command(click.Command):
    """A command whose help ends with every name that it knows, and with examples.

    Args:
        examples: command lines, without ``tf-parity``.
    """

    def __init__(self, *arguments, examples=(), **options):
        super().__init__(*arguments, **options)
        self.examples = [f"tf-parity {example}" for example in examples]

    def parse_args(self, context, words):
        try:
            return super().parse_args(context, words)
        except click.UsageError as error:
            error.ctx = error.ctx or context  # the parser leaves it out of some
            raise

    def format_epilog(self, _context, formatter):
        for parameter in self.params:
            if isinstance(parameter.type, Known):
                for heading, names in parameter.type.lists():
                    with formatter.section(heading):
                        formatter.write_text(", ".join(names))
        write_examples(formatter, self.examples)


class Group(click.Group):
    """Commands by name; the nearest are shown for one that does not exist.

    Args:
        examples: as of a ``Command``.
        default: the command that is meant where the first word is none.
    """

    def __init__(self, *arguments, examples=(), default=None, **options):
        super().__init__(*arguments, **options)
        self.examples = [f"tf-parity {example}" for example in examples]
        self.default = default

    def parse_args(self, context, words):
        first = words[0] if words else ""
        if self.default is not None:
            begins = first.startswith("-") and first not in context.help_option_names
            # While words are completed, the next may still be a command.
            if begins or not (words or context.resilient_parsing):
                words = [self.default, *words]
        elif not words and not context.resilient_parsing:
            click.echo(context.get_help(), err=True)
            context.exit(UserError.exit_code)
        return super().parse_args(context, words)

    def resolve_command(self, context, words):
        if not context.resilient_parsing:
            with told(chapters.UnknownName):
                known = tuple(self.commands)
                chapters.require_known(shortened(words[0]), known, "command")
        return super().resolve_command(context, words)

    def shell_complete(self, context, incomplete):
        items = super().shell_complete(context, incomplete)
        if self.default is not None and incomplete.startswith("-"):
            items += self.commands[self.default].shell_complete(context, incomplete)
        return items

    def format_epilog(self, _context, formatter):
        write_examples(formatter, self.examples)


def write_examples(formatter, examples):
    """The section that shows how a command is called."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(" " * formatter.current_indent + example + "\n")


def number(option, kind, low, high, example, says, **more):
    """A click option that takes a number; its help ends with the range."""
    takes = Number(kind, low, high, example)
    says = f"{says}  [{takes.range}]"
    return click.option(option, type=takes, metavar="N", help=says, **more)


def steps(whose):
    """--steps, instead of what a chapter or a pair says itself."""
    says = f"To train for, instead of {whose}'s own."
    return number("--steps", int, 1, 10_000_000, 20, says)


def replaced(option, by):
    """An option that is gone; using it says what to write instead."""

    def refuse(_context, _parameter, value):
        if value:
            raise UserError(
                f"{option} must be a command of its own. Received: {option}. Use {by}."
            )

    return click.option(
        option,
        is_flag=True,
        is_eager=True,
        hidden=True,
        expose_value=False,
        callback=refuse,
    )


def file_option(name, variable, says, default=None):
    """A click option that names a file to write."""
    return click.option(
        name,
        variable,
        metavar="FILE",
        type=click.Path(),
        default=default,
        help=f"{says}; - is stdout.",
    )


def format_option(*formats):
    """--format, of which the first is the default."""
    return click.option(
        "--format",
        "form",
        metavar="FORMAT",
        type=Known("formats", formats),
        default=formats[0],
        show_default=True,
        help="How the report is written.",
    )


chapter = click.option(
    "--chapter",
    "names",
    multiple=True,
    metavar="CHAPTER",
    type=Known("chapters", chapters.NAMES),
    help="Only this chapter; may be given several times.",
)
group = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    type=Known("groups", chapters.GROUPS),
    help="Only the chapters of this group of `list`, besides those of --chapter; may be "
    "given several times.",
)
levels = click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="LEVEL",
    type=Known("levels", LEVELS),
    help="Only this level of the twin; may be given several times.",
)
batch_size = number(
    "--batch-size",
    int,
    1,
    1_000_000,
    50,
    "Instead of the chapter's own; at most all examples.",
)
workers = number(
    "--workers",
    int,
    1,
    16,
    3,
    "Of the chapter's synchronous training, instead of its own; each is a process.",
)
seed = number(
    "--seed",
    int,
    0,
    2**32 - 1,
    1,
    "Of graph, data and batch order.",
    default=1,
    show_default=True,
)
data = click.option(
    "--data",
    metavar="DIR|full",
    type=click.Path(),
    help="A folder with the IDX files of MNIST or the batches of CIFAR-10; or 'full', "
    "what keras.datasets downloads. Default: the embedded digits.",
)
json_file = file_option("--json", "json_path", "Also write the report as JSON to FILE")
output_file = file_option("--output", "output_path", "Write the report to FILE", "-")


def once(values):
    """Repeated values once, in order."""
    return tuple(dict.fromkeys(values))


def chosen(names, groups):
    """The chapters that are named, and after them those of groups, once each."""
    return once(
        (*names, *(name for group in groups for name in chapters.GROUPS[group]))
    )
