"""Claims about methods and attributes: none inherits ``same`` unless 1.15's class had it."""

import pytest
import tensorflow as tf

from parity_tests.witness import api
from parity_tests.witness import members as witness
from tf2_keras.migrate import catalogue, members, public_names


def recorded():
    """[(owner, name, Member)] of every member in the table."""
    owners = members.table()[0]
    return [
        (owner, name, member)
        for owner, named in sorted(owners.items())
        for name, member in named.items()
    ]


@pytest.mark.slow
def test_members_are_those_that_are_recorded():
    """What is gone in some supported TensorFlow is all that a class of today lacks."""
    now, missing = {}, []
    for owner, name, member in recorded():
        if not owner.startswith("tf.keras.") or not member.today:
            continue
        if owner not in now:
            now[owner] = witness.members(api.reach(tf, owner))
        if name not in now[owner] and member.today != members.GONE:
            missing.append(f"{owner}.{name}")
    assert missing == [] and len(now) > 100


def test_an_unknown_member_of_a_known_class_inherits_nothing():
    for owner in sorted(members.table()[0]):
        symbol = f"{owner}.no_such_member"
        rule = catalogue.find(symbol)
        assert rule is None or rule.status not in ("same", "renamed"), symbol


def test_a_member_that_is_gone_is_never_same():
    gone = [
        f"{owner}.{name}"
        for owner, name, member in recorded()
        if member.today == members.GONE and f"{owner}.{name}" not in catalogue.api()
    ]
    kept = [s for s in gone if catalogue.find(s).status in ("same", "renamed")]
    assert kept == [] and len(gone) > 80


@pytest.mark.parametrize(
    "symbol, status, told",
    [
        ("tf.keras.Model.fit_generator", "restructure", "no more"),
        ("tf.keras.models.Sequential.fit_generator", "restructure", "tf.keras.Model"),
        ("tf.keras.Sequential.predict_classes", "restructure", "no more"),
        ("tf.keras.Sequential.predict_proba", "restructure", "no more"),
        ("tf.keras.layers.Dense.get_output_at", "restructure", "tf.keras.layers.Layer"),
        ("tf.keras.metrics.AUC.reset_states", "restructure", "no more"),
        ("tf.keras.callbacks.Callback.on_batch_end", "changes", "running mean"),
        ("tf.keras.callbacks.Callback.on_train_batch_end", "changes", "running mean"),
        ("tf.keras.Model.train_on_batch", "changes", "3.15"),
        ("tf.keras.Model.fit", "changes", "workers"),
    ],
)
def test_a_member_is_answered(symbol, status, told):
    rule = catalogue.find(symbol)
    assert rule.status == status and told in rule.note
    assert public_names.method(symbol) == rule


@pytest.mark.parametrize(
    "symbol", ["tf.keras.Model.metrics_tensors", "tf.keras.layers.Dense.no_such"]
)
def test_what_1_15_did_not_have_is_unknown(symbol):
    assert catalogue.find(symbol) is None


def test_a_base_class_is_followed():
    assert members.find("tf.keras.Sequential", "fit").owner == "tf.keras.Model"
    assert members.find("tf.keras.Sequential", "weights").owner == "tf.keras.Model"
    assert members.find("tf.keras.layers.Dense", "no_such") is None
