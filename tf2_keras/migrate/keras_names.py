"""Stand-alone Keras 2 beside TensorFlow 1, read as the tf.keras of 1.15.

    public('keras.layers.core.Dense')    # 'tf.keras.layers.Dense'

Most TF1 programs with Keras import the package of that name. Its public names are those of
tf.keras, but it was imported from its private modules as well.
"""

import re

PACKAGE = "keras"
LAYERS = (
    "advanced_activations|convolutional|convolutional_recurrent|core|cudnn_recurrent"
    "|embeddings|local|merge|noise|normalization|pooling|recurrent|wrappers"
)
UTILS = (
    "conv_utils|data_utils|generic_utils|io_utils|layer_utils|multi_gpu_utils|np_utils"
    "|test_utils|training_utils|vis_utils"
)
# Private modules and where their names are public; the first that fits.
MODULES = tuple(
    (re.compile(f"tf\\.keras\\.(?:{module})(?=\\.|$)"), public)
    for module, public in (
        (r"engine(?:\.\w+)?(?=\.(?:Layer|InputSpec)$)", "tf.keras.layers"),
        (
            r"engine(?:\.\w+)?(?=\.(?:Model|Input|Network|Container|Sequential)$)",
            "tf.keras",
        ),
        (rf"layers\.(?:{LAYERS})", "tf.keras.layers"),
        (rf"utils\.(?:{UTILS})", "tf.keras.utils"),
        (r"backend\.tensorflow_backend", "tf.keras.backend"),
        ("objectives", "tf.keras.losses"),
        ("initializations", "tf.keras.initializers"),
    )
)
# Only Keras 3 has these: a file that uses one was moved already.
KERAS_3 = (
    "tf.keras.KerasTensor",
    "tf.keras.distribution",
    "tf.keras.export",
    "tf.keras.ops",
    "tf.keras.quantizers",
    "tf.keras.random",
    "tf.keras.saving",
    "tf.keras.src",
    "tf.keras.tree",
)
# Methods of a model that are told whatever the model was made by.
METHODS = (
    "evaluate_generator",
    "fit_generator",
    "predict_classes",
    "predict_generator",
)


def public(dotted):
    """The tf.keras name of a name of the package, 'keras.engine.topology.Layer'."""
    symbol = "tf." + dotted
    for module, name in MODULES:
        if module.match(symbol):
            return module.sub(name, symbol, count=1)
    return symbol


def is_standalone(dotted):
    return dotted == PACKAGE or dotted.startswith(PACKAGE + ".")
