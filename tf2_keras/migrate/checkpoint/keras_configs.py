"""The Keras 3 model that a configuration of tf.keras in 1.15 describes."""

import keras

from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint.errors import mistake, said

# Layers that are made of Keras 3's; recurrent ones and batch norm of ``tf1_semantics``.
ALIKE = (
    *("InputLayer", "Dense", "Activation", "Dropout", "Flatten", "Reshape", "Permute"),
    *("RepeatVector", "Masking", "Embedding", "BatchNormalization", "Conv1D", "Conv2D"),
    *("LayerNormalization", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "PReLU"),
    *("DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "ZeroPadding1D", "ELU"),
    *("ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "LeakyReLU"),
    *("AveragePooling2D", "AveragePooling3D", "GlobalMaxPooling1D", "ReLU", "Softmax"),
    *("GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "Add"),
    *("Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"),
    *("GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D"),
    *("SpatialDropout2D", "TimeDistributed", "Bidirectional", "ThresholdedReLU"),
)
RECURRENT = ("LSTM", "GRU")
CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
RENAMED = {"BatchNormalizationV1": "BatchNormalization", "LSTMV2": "LSTM"}
MODELS = ("Model", "Functional", "Sequential")
# {argument of 1.15: of Keras 3}; None of those that say nothing any more.
ARGUMENTS = {
    "batch_input_shape": None,
    "sparse": None,
    "ragged": None,
    "time_major": None,
    "input_length": None,
    "virtual_batch_size": None,
    "renorm": None,
    "fused": None,
    "adjustment": None,
}
# Arguments of a BatchNormalization that the part of tf1_semantics has not got.
NOT_IN_PART = (
    *("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"),
    *("moving_mean_initializer", "moving_variance_initializer"),
)
LEARNING_RATES = ("learning_rate", "lr")
MOST_DEPTH = 50


def model_of(file):
    """The model that a ``keras_files.KerasFile`` describes, without its weights.

    It is compiled if the file says how, with Keras 3's optimizer of that name.

    Raises:
        HandoverError: for a file of weights alone, for layers that Keras 3 has not got or
            that would run what is in the file.
    """
    if not isinstance(file.config, dict):
        raise mistake(
            "A .h5 must hold a whole model, to become one",
            f"{file.prefix}, weights alone",
            "Use --model FILE.py:build, whose model they are of",
        )
    try:
        model = _model(file.config, file.prefix)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        if ". Received: " in str(error) and "\n" not in str(error):
            raise
        raise mistake(
            "A .h5 must describe a model that Keras 3 can make",
            f"{file.prefix} ({said(error)})",
            "Write the model anew, and use --model FILE.py:build",
        ) from None
    _compile(model, file.training)
    return model


def _model(described, path, depth=0):
    kind, config = described.get("class_name"), described.get("config")
    if kind not in MODELS or depth > MOST_DEPTH:
        raise _unknown(path, kind)
    if isinstance(config, list):  # of Sequential, before 1.13
        config = {"name": "sequential", "layers": config}
    layers = [_layer(layer, path, depth) for layer in config["layers"]]
    if kind == "Sequential":
        first = config["layers"][0]["config"]
        shape = first.get("batch_input_shape", config.get("build_input_shape"))
        inputs = []
        if config["layers"][0]["class_name"] != "InputLayer" and shape is not None:
            dtype = "int32" if _is_table(config["layers"][0]) else first.get("dtype")
            inputs = [keras.Input(batch_shape=shape, dtype=dtype)]
        return keras.Sequential([*inputs, *layers], name=config.get("name"))
    return _connected(config, layers)


def _is_table(described):
    return described["class_name"] == "Embedding"


def _connected(config, layers):
    """A functional model of layers by 1.15's inbound nodes."""
    by_name = {}
    for described, layer in zip(config["layers"], layers, strict=True):
        by_name[described["name"]] = layer
    results = {}  # {(layer, node): [tensors]}
    for name, layer in by_name.items():
        if isinstance(layer, keras.KerasTensor):
            results[name, 0] = [layer]
    waiting = [
        (described["name"], number, node)
        for described in config["layers"]
        for number, node in enumerate(described["inbound_nodes"])
    ]
    while waiting:
        left = []
        for name, number, node in waiting:
            sources = [(source[0], source[1]) for source in node]
            if not all(source in results for source in sources):
                left.append((name, number, node))
                continue
            tensors = [results[source[0], source[1]][source[2]] for source in node]
            options = dict(node[0][3]) if len(node[0]) > 3 else {}
            options = {
                key: value
                for key, value in options.items()
                if key == "training" and isinstance(value, bool)
            }
            given = tensors if len(tensors) > 1 else tensors[0]
            results[name, number] = keras.tree.flatten(by_name[name](given, **options))
        if len(left) == len(waiting):
            raise ValueError("its layers wait for each other")
        waiting = left
    ends = [
        [results[name, node][place] for name, node, place in _triples(config[side])]
        for side in ("input_layers", "output_layers")
    ]
    inputs, outputs = (side if len(side) > 1 else side[0] for side in ends)
    return keras.Model(inputs, outputs, name=config.get("name"))


def _triples(listed):
    """[[name, node, place]], of which one alone may stand without its list."""
    return [listed] if isinstance(listed[0], str) else listed


def _layer(described, path, depth):
    """A layer, or the tensor of an input."""
    kind, config = described["class_name"], dict(described["config"])
    kind = RENAMED.get(kind, kind)
    if kind in MODELS:
        return _model(described, path, depth + 1)
    if kind == "InputLayer":
        return keras.Input(
            batch_shape=config["batch_input_shape"],
            dtype=config.get("dtype"),
            name=config.get("name"),
        )
    for name in ("layer", "cell"):
        if isinstance(config.get(name), dict):
            config[name] = _layer(config[name], path, depth + 1)
    if kind not in (*ALIKE, *RECURRENT, *CUDNN):
        raise _unknown(path, kind)
    config = {
        ARGUMENTS.get(name) or name: _value(name, value)
        for name, value in config.items()
        if ARGUMENTS.get(name, name) is not None
    }
    if kind.startswith(("SeparableConv", "DepthwiseConv")):
        # Their kernels are the depthwise and the pointwise.
        for of in ("initializer", "regularizer", "constraint"):
            config.pop(f"kernel_{of}", None)
    if kind == "BatchNormalization" and isinstance(config.get("axis"), list):
        (config["axis"],) = config["axis"]
    if kind == "LayerNormalization" and len(config.get("axis", [])) == 1:
        (config["axis"],) = config["axis"]
    if kind == "LeakyReLU":
        config["negative_slope"] = float(config.pop("alpha"))
    if kind == "BatchNormalization" and not any(config.get(n) for n in NOT_IN_PART[:4]):
        # The moving variance of the fused one is another in Keras 3.
        config = {n: v for n, v in config.items() if not n.endswith(NOT_IN_PART)}
        return tf1_semantics.layers.BatchNormalization(**config)
    if kind in RECURRENT:
        return _recurrent(kind, config)
    if kind in CUDNN:
        return _cudnn(CUDNN[kind], config)
    cls = getattr(keras.layers, kind)
    return cls(**config)


def _recurrent(kind, config):
    """1.15's own gates, hard_sigmoid among them."""
    config.setdefault("implementation", 1)
    return getattr(tf1_semantics.tf_keras, kind)(**config)


def _cudnn(kind, config):
    for name in ("implementation", "reset_after"):
        config.pop(name, None)
    extra = {"reset_after": True} if kind == "GRU" else {}
    return getattr(tf1_semantics.tf_keras, kind)(
        **config, recurrent_activation="sigmoid", implementation=2, **extra
    )


def _value(name, value):
    """An argument as Keras 3 takes it: activations, and objects of Keras's own."""
    if name in ("activation", "recurrent_activation") and value == "hard_sigmoid":
        # The recurrent layers take it for 1.15's by its name.
        return value if name[0] == "r" else tf1_semantics.tf_keras.hard_sigmoid
    if name.endswith(("_initializer", "_regularizer", "_constraint")) and value:
        return _object(name.rpartition("_")[2], value)
    return value


MODULES = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


def _object(kind, value):
    """An initialiser and the like, of Keras's own only."""
    if isinstance(value, str):
        return value
    module, name = MODULES[kind], value["class_name"]
    config = dict(value.get("config") or {})
    config.pop("dtype", None)
    if name in ("L1L2", "L1", "L2") or kind == "regularizer":
        name = "L1L2"
    cls = getattr(module, name, None)
    if not isinstance(cls, type):
        raise ValueError(f"there is no {kind} {name}")
    return cls(**config)


def _unknown(path, kind):
    remedy = "Write the model anew, and use --model FILE.py:build"
    return mistake(
        "A .h5 must be of layers that compute as Keras 3's do, and run nothing of the file",
        f"{path} with a {kind}",
        remedy,
    )


def _compile(model, training):
    """Compiles the model as the file says, as far as that is of Keras's own."""
    described = (training or {}).get("optimizer_config")
    loss = (training or {}).get("loss")
    if not described or not isinstance(loss, str):
        return
    cls = getattr(keras.optimizers, str(described.get("class_name")), None)
    if not isinstance(cls, type) or not issubclass(cls, keras.optimizers.Optimizer):
        return
    config = dict(described["config"])
    decay = config.pop("decay", 0.0)
    rate = next(config.pop(name) for name in LEARNING_RATES if name in config)
    if not isinstance(rate, (int, float)):
        return
    if decay:
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)
    name = config.pop("name", cls.__name__).lower()
    try:
        model.compile(cls(rate, name=name, **config), loss, jit_compile=False)
    except (ValueError, TypeError):
        return
