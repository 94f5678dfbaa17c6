import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.stages.detect import free_size


def model(inputs=1):
    given = [
        helper.make_tensor_value_info(f"images{n}", TensorProto.FLOAT, [1, 3, 64, 64])
        for n in range(inputs)
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 64, 64])
    between = helper.make_tensor_value_info("between", TensorProto.FLOAT, [1, 3, 64, 64])
    nodes = [
        helper.make_node("Relu", ["images0"], ["between"]),
        helper.make_node("Relu", ["between"], ["output"]),
    ]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [1000], [0.5] * 1000)
    graph = helper.make_graph(nodes, "two", given, [output], [weights], value_info=[between])
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(made, {"task": "detect"})
    return made


def shape(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def test_only_the_declared_sizes_change():
    before = model()
    after = onnx.load_from_string(free_size.freed(before.SerializeToString(), (1, "boxes", 85)))
    onnx.checker.check_model(after)
    assert shape(after.graph.input[0]) == [1, 3, "height", "width"]
    assert shape(after.graph.output[0]) == [1, "boxes", 85]
    assert not after.graph.value_info
    for one in (before, after):
        del one.graph.value_info[:], one.graph.input[:], one.graph.output[:]
    assert after == before


def test_several_inputs_are_rejected():
    with pytest.raises(ValueError, match="several"):
        free_size.freed(model(inputs=2).SerializeToString(), (1, "boxes", 85))


@pytest.mark.parametrize("end", [1, 50, 1000, -1])
def test_a_broken_encoding_is_rejected(end):
    whole = model().SerializeToString()
    with pytest.raises(ValueError, match="end"):
        free_size.freed(whole[:end], (1, "boxes", 85))
