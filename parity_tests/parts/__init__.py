"""Claims about the parts in ``tf2_keras.tf1_semantics``, each on its own."""
