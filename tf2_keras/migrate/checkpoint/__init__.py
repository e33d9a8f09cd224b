"""Carrying over what was trained: TF1 checkpoints into Keras models, and back.

reading   a TF1 checkpoint, tensor by tensor, without TensorFlow
roles     what each of its names is: weight, slot, power, step, average, statistics
matching  which variable of a twin is which of TF1's, by names and layouts
states    what a model holds: its variables, slots and optimizers
filling   the arrays that a plan fills them with
keras_saving  a plan as a .weights.h5 or .keras, piece by piece
outlines  what Keras saves of a model but for its values, and where they go
handover  a plan of it, loaded into a model or a Twin; and TF1's checkpoint of one
exports   what TF1 exported, as Keras layers; saved_models writes such exports
keras_files   the .h5 of tf.keras in 1.15; keras_configs, the models that they describe
streams   how far TF1 had read the streams of its dropouts and samplers
"""
