"""Nets that people trained in TensorFlow 1.15.5 go on in Keras, their slots included."""

import numpy as np
import pytest

from parity_tests.witness import nets, nets_in_keras
from tf2_keras.migrate.checkpoint import handover

# Of the largest logit: roundings of other kernels, and what a step makes of them.
COMPUTED, RESUMED = 5e-6, 3e-5


@pytest.fixture(scope="module")
def folder(genuine_python, tmp_path_factory):
    """The checkpoints that 1.15.5 wrote, each of a narrow net with the real layers.

    At full size: ``python -m parity_tests.witness.nets_in_keras``.
    """
    folder = tmp_path_factory.mktemp("nets")
    nets_in_keras.written(genuine_python, folder, "small", list(nets.SIZES["small"]))
    return folder


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("net", nets.SIZES["small"])
def test_a_net_goes_on_where_1_15_5_stopped(folder, net):
    """Its logits by the file that the checkpoint became, and after one step more."""
    apart = nets_in_keras.handed_over(folder, net, "small")
    assert apart["slots"] == (2 if net == "bert_tiny" else 1) * apart["weights"]
    assert apart["logits"] < COMPUTED, apart
    assert max(apart["loss"], apart["resumed"]) < RESUMED, apart
    assert apart["moved by the step"] > 300 * RESUMED, apart


def test_without_its_slots_the_step_is_another(folder):
    """BERT's optimizer has no bias correction: fresh slots are a third of a step."""
    computed = np.load(folder / "bert_tiny" / "computed.npz")
    model = nets_in_keras.compiled("bert_tiny", "small")
    names = nets_in_keras.checkpoint_names("bert_tiny", model)
    checkpoint = str(folder / "bert_tiny" / "model.ckpt")
    plan = handover.plan(checkpoint, model, names)
    slots = [item.name for item in plan.items if item.role.kind == "slot"]
    naive = handover.plan(checkpoint, model, {**names, **dict.fromkeys(slots)})
    naive.load(partial=True)
    fed = nets.batch("bert_tiny", "small")
    labels = fed.pop("labels")
    model.train_on_batch(fed, labels)
    off = np.abs(model.predict_on_batch(fed) - computed["resumed"]).max()
    assert off > 0.05 * np.abs(computed["logits"]).max()
