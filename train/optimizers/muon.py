"""Muon for convolutions: steps whose singular values are all close to one.

K. Jordan and others, 2024, https://kellerjordan.github.io/posts/muon/; for convolutions as K. Jordan's airbench does
(https://arxiv.org/abs/2404.00498 and its repository). Keras' own Muon leaves kernels of rank 4 to AdamW.
"""

from typing import Any

import keras
from keras import ops

# Coefficients of the quintic iteration: the steepest at zero whose values stay near one (the post above).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4
KERNEL_MOMENTUM = 0.6
MOMENTUM = 0.9


@keras.saving.register_keras_serializable("framelite")
class Muon(keras.optimizers.SGD):  # type: ignore[misc]
    """SGD with Nesterov's momentum, but with orthogonal steps for convolution kernels.

    A kernel is a matrix with one column per filter. Its length stays at the square root of their number, so that the
    learning rate is the angle of rotation. For networks that normalize after every convolution, such as `residual`:
    their output doesn't depend on that length.

    learning_rate: for kernels; others: factor on it for the other weights. weight_decay: for the other weights, scaled
    by their learning rate.
    """

    def __init__(
        self, learning_rate: Any = 0.08, others: float = 5.0, weight_decay: float | None = None, **kwargs: Any
    ) -> None:
        for name, value in {"momentum": MOMENTUM, "nesterov": True}.items():
            kwargs.setdefault(name, value)
        super().__init__(learning_rate, weight_decay=weight_decay and weight_decay * others, **kwargs)
        self.others = others

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not is_kernel(variable):
            super().update_step(gradient, variable, learning_rate * self.others)
            return
        rate = ops.cast(learning_rate, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        moved = KERNEL_MOMENTUM * velocity + gradient
        self.assign(velocity, moved)
        ahead = ops.reshape(gradient + KERNEL_MOMENTUM * moved, (-1, variable.shape[-1]))
        kept = variable * (variable.shape[-1] ** 0.5 / ops.sqrt(ops.sum(ops.square(variable))))
        self.assign(variable, kept - rate * ops.reshape(orthogonal(ahead), variable.shape))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        decay = config["weight_decay"]
        return {**config, "others": self.others, "weight_decay": decay and decay / self.others}


def is_kernel(variable: Any) -> bool:
    """Whether it is a convolution kernel; a depthwise one has only one column, which can't be made orthogonal."""
    return len(variable.shape) == 4 and variable.shape[-1] > 1


def orthogonal(matrix: Any) -> Any:
    """Approximates the nearest matrix [rows, columns] with orthonormal rows or columns: singular values of 0.7 to
    1.2."""
    a, b, c = NEWTON_SCHULZ
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if is_tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ ops.transpose(x)
        x = a * x + (b * square + c * square @ square) @ x
    return ops.transpose(x) if is_tall else x
