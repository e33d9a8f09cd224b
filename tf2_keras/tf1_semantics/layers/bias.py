"""A bias that is added by broadcasting."""
import keras


@keras.saving.register_keras_serializable('tf1_semantics')
class AddBias(keras.layers.Layer):
    """``x + b``: a bias added by broadcasting.

    Keras's own layers add theirs with BiasAdd, whose gradient sums in another order.

    Input shape: [..., channels]. Output shape: the same.
    """

    def __init__(self, initializer='zeros', **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer=self.initializer, name='bias'
        )

    def call(self, x):
        return x + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config['initializer'] = keras.initializers.serialize(self.initializer)
        return config
