"""A twin of tasks, going on from a checkpoint of TF1's: what each of them runs."""

from unittest import mock

from parity_tests.models import chapters
from tf2_keras.migrate.checkpoint import handover


def run(name, x_data, y_data, prefix, config):
    """As the ``run`` of a chapter's twin, after the hand-over of all that the checkpoint holds."""
    twin = chapters.twin(name)
    build = twin.build

    def handed_over(inputs, config):
        model, momentum = build(inputs, config)
        model.compile(momentum, "mse", jit_compile=False)
        handover.load(prefix, model)
        return model, momentum

    with mock.patch.object(twin, "build", handed_over):
        return twin.run(x_data, y_data, config)
