"""Where a report goes: to the terminal, and whole or not at all to a file.

with Output(path, "--json", inputs=[meta_graph]) as output:  # looked at before the work
    report = work()
    output.show(table)  # for people
    output.write(report)  # to FILE, to a device or a pipe, or for - to stdout
"""

import contextlib
import io
import json
import os
import secrets
import shutil
import stat
import sys

from parity_tests.commands import console, replaceable
from parity_tests.commands.mistakes import UserError, lines, shortened


@contextlib.contextmanager
def claimed(path, option):
    """Keeps a file for one option of a command; another that names it is refused."""
    claim = option, os.path.realpath(path)
    for other, taken in Output.entered:
        if taken == claim[1]:
            raise UserError(
                f"{option} must not name the file of {other}. Received: {path}. "
                "Choose another name."
            )
    Output.entered.append(claim)
    try:
        yield
    finally:
        Output.entered.remove(claim)


class Output:
    """The file that an option names, and standard output beside it.

    Args:
        path: None for no file, "-" for standard output.
        option: that named it, for messages.
        inputs: files that the command reads, or a callable that returns them; none of
            them is written over.
        replaces: whether the file that a path names may be replaced; by default if it is
            a report of ours.
        example: a name of such a file, for messages.

    Entering checks at once what would otherwise fail after the work, and that no other
    option of the command names the same file.
    """

    entered = []  # of (option, real path)

    def __init__(
        self,
        path,
        option,
        inputs=(),
        replaces=replaceable.is_report,
        example="report.json",
    ):
        self.path, self.option, self.inputs = path, option, inputs
        self.replaces, self.example = replaces, example
        self._stream = self._device = self._target = None
        self._claims = contextlib.ExitStack()

    def __enter__(self):
        if self.path is None:
            return self
        if self.path == "-":
            self._stream = _open(sys.stdout)
            return self
        if os.path.isdir(self.path) or not os.path.basename(self.path):
            kind = "the folder " if os.path.isdir(self.path) else ""
            raise UserError(
                f"{self.option} must name a file. "
                f"Received: {kind}{shortened(self.path)}. "
                f"Use for instance {os.path.join(self.path, self.example)}."
            )
        with self._writable():
            try:
                status = os.stat(self.path)
            except FileNotFoundError:
                status = None
            self._refuse_inputs(status)
            self._stream = _standard_stream(status)
            if self._stream is not None:
                pass
            elif status is not None and not stat.S_ISREG(status.st_mode):
                self._device = open(self.path, "w", encoding="utf-8")
            else:
                self._target = os.path.realpath(self.path)  # a link stays a link
                if status is not None and not may_write(self._target):
                    raise PermissionError(f"no write permission on {self.path}")
                if status is not None and not self.replaces(self.path):
                    raise UserError(
                        f"{self.option} must name a new file, or one that it wrote "
                        f"before. Received: {shortened(self.path)}, which holds "
                        "something else. Choose another name, or remove that file first."
                    )
                with temporary_beside(self._target):
                    pass
        if self._target is not None:
            self._claims.enter_context(claimed(self.path, self.option))
        return self

    def __exit__(self, *exception):
        self._claims.close()
        if self._device is not None:
            with contextlib.suppress(OSError):
                self._device.close()

    def show(self, *renderables):
        """Prints for people: on stdout, or on stderr where stdout takes the data."""
        show(
            *renderables,
            stream=sys.stderr if self._stream is sys.stdout else sys.stdout,
        )

    def write(self, content):
        """Writes data as JSON, text as it is, anything else as rich prints it."""
        if self.path is None:
            return
        text = self._text(content)
        if self._stream is not None:
            put(self._stream, text)
            return
        with self._writable():
            if self._device is not None:
                with contextlib.suppress(BrokenPipeError):  # its reader has enough
                    self._device.write(text)
                    self._device.flush()
                return
            with temporary_beside(self._target) as temporary:
                data = text.encode("utf-8", "backslashreplace")
                fill(temporary, data, self._target)
                os.replace(temporary, self._target)

    def _text(self, content):
        if isinstance(content, dict):
            report = replaceable.marked(content)
            return json.dumps(report, indent=2, allow_nan=False) + "\n"
        if isinstance(content, str):
            if self._stream is not None and self._stream.isatty():
                content = lines(content)
            text = content.rstrip("\n") + "\n"
            is_report = self._stream is None and self.replaces is replaceable.is_report
            return replaceable.signed(text) if is_report else text
        if self._stream is not None:
            return console.rendered(self._stream, [content])
        return replaceable.signed(console.rendered(io.StringIO(), [content]))

    @contextlib.contextmanager
    def _writable(self):
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{self.option} must name a file that can be written. "
                f"Received: {self.path} ({error.strerror or error}). "
                "Choose another folder, make room, or change its permissions."
            ) from None

    def _refuse_inputs(self, status):
        if status is None:
            return
        for path in self.inputs() if callable(self.inputs) else self.inputs:
            with contextlib.suppress(OSError):
                if os.path.samestat(status, os.stat(path)):
                    raise UserError(
                        f"{self.option} must not name what the command reads. "
                        f"Received: {self.path}. Choose another name."
                    )


def may_write(path):
    """Whether the bits of a file let it be written, by who runs this, not who began it."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


@contextlib.contextmanager
def temporary_beside(target):
    """A new file in the target's folder that is gone afterwards, whatever happens."""
    folder = os.path.dirname(target)
    name = f".tf-parity-{os.getpid()}-{secrets.token_hex(4)}.part"
    temporary = os.path.join(folder, name)
    try:
        open(temporary, "x").close()
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def fill(temporary, data, target):
    """Writes bytes, and gives the file the mode and owner that the target has."""
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a full disk may show only here
    with contextlib.suppress(OSError):
        shutil.copymode(target, temporary)
        owner = os.stat(target)
        os.chown(temporary, owner.st_uid, owner.st_gid)


def _standard_stream(status):
    """sys.stdout or sys.stderr if a path, such as /dev/stdout, is what they write to."""
    for stream in (sys.stdout, sys.stderr):
        if status is None or stream is None:
            continue
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            of_stream = os.fstat(stream.fileno())
            # A device such as /dev/null may well be opened twice.
            shared = not stat.S_ISCHR(of_stream.st_mode) or os.isatty(stream.fileno())
            if shared and os.path.samestat(status, of_stream):
                return stream
    return None


def show(*renderables, width=None, stream=None):
    """Prints for people, by default on stdout."""
    stream = _open(stream or sys.stdout)
    put(stream, console.rendered(stream, renderables, width))


def put(stream, text):
    """Writes to stdout or stderr; a reader that has gone, such as head, is no mistake.

    Raises:
        UserError: where it cannot be written, on a full disk for one.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        abandon(stream)
    except OSError as error:
        abandon(stream)
        raise UserError(
            "Standard output must take what is written. "
            f"Received: {error.strerror or error}. Make room, or write elsewhere."
        ) from None


def _open(stream):
    if stream is None:  # as after >&-
        raise UserError(
            "Standard output must be open. Received: a closed one. "
            "Send it somewhere, for instance to a file with > FILE."
        )
    return stream


def abandon(stream):
    """Lets what a stream still holds go nowhere, also when Python ends."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
