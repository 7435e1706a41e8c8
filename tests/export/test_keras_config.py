"""A Keras model's description: what is left out for Keras 3, and whose code it is."""

from typing import Any

from export.conversion import keras_config

KNOWN = ("InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Lambda", "Dense")


def layer(of_class: str, **settings: Any) -> dict[str, Any]:
    return {"class_name": of_class, "config": {"name": of_class.lower(), **settings}}


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return layer("Sequential", layers=list(layers))


def test_what_has_no_meaning_is_left_out_at_any_depth() -> None:
    inner = model(layer("DepthwiseConv2D", groups=1, strides=[2, 2]), layer("Conv2D", groups=1))
    kept = model(layer("DepthwiseConv2D", strides=[2, 2]), layer("Conv2D", groups=1))
    assert keras_config.translated(model(inner, layer("Dense"))) == model(kept, layer("Dense"))
    separable = layer("SeparableConv2D", groups=1, kernel_initializer={"class_name": "Zeros", "config": {}}, filters=4)
    assert keras_config.translated(model(separable)) == model(layer("SeparableConv2D", filters=4))


def test_where_keras_2_has_its_classes_is_left_out() -> None:
    inner = {**layer("Functional", layers=[]), "module": "keras.src.engine.functional", "registered_name": "Functional"}
    assert keras_config.translated(model(inner)) == model(layer("Functional", layers=[]))
    assert keras_config.custom(model(inner), KNOWN) == ()


def test_the_only_input_or_output_is_no_list() -> None:
    one, other = ["input_1", 0, 0], ["input_2", 0, 0]
    found = keras_config.translated(layer("Functional", input_layers=[one, other], output_layers=[["out", 0, 0]]))
    assert found == layer("Functional", input_layers=[one, other], output_layers=["out", 0, 0])


def test_what_has_a_meaning_stays() -> None:
    """No Keras knows a depthwise convolution of two groups: the file is left for whoever can read it."""
    odd = model(layer("DepthwiseConv2D", groups=2))
    assert keras_config.translated(odd) == odd


def test_whose_code_it_is_in_a_file_of_keras_2() -> None:
    assert keras_config.custom(model(layer("Dense", activation="relu"), layer("TFOpLambda")), KNOWN) == ()
    found = keras_config.custom(model(model(layer("Mine>Attention")), layer("Lambda"), layer("Lambda")), KNOWN)
    assert found == ("Mine>Attention", "Lambda")


def test_whose_code_it_is_in_a_file_of_keras_3() -> None:
    """It says of each class where it is from; operators of Keras' own have a registered name too."""

    def described(of_class: str, module: str | None, registered: str | None) -> dict[str, Any]:
        return {**layer(of_class), "module": module, "registered_name": registered}

    ours = (described("Dense", "keras.layers", None), described("Add", "keras.src.ops.numpy", "Add"))
    theirs = described("Attention", None, "Mine>Attention")
    trained_with = {"compile_config": {"metrics": [described("Score", "__main__", "Score")]}}
    function = {"module": "builtins", "class_name": "function", "config": "swoosh", "registered_name": "function"}
    assert keras_config.custom({**model(*ours), **trained_with}, KNOWN) == ()
    activated = described("Dense", "keras.layers", None)
    activated["config"]["activation"] = function
    assert keras_config.custom(model(theirs, activated), KNOWN) == ("Attention", "swoosh")
    # A model that is a class of its own may have no name.
    nameless: dict[str, object] = {"class_name": "Net", "config": {}, "module": None, "registered_name": "Mine>Net"}
    assert keras_config.custom(nameless, KNOWN) == ("Net",)


def test_what_only_keras_2_reads() -> None:
    assert keras_config.needs_keras_2(model(model(layer("TFOpLambda"))), KNOWN)
    assert not keras_config.needs_keras_2(model(layer("Dense")), KNOWN)
