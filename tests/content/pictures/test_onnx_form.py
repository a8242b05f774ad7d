from __future__ import annotations

import numpy as np
import onnxruntime

from gateway.content.pictures.onnx_form import Node, model


def test_a_network_that_is_written_computes_what_it_says():
    kernel = np.ones((1, 1, 2, 2), np.float32)
    nodes = [
        Node("Conv", ("x", "k"), "sum"),
        Node(
            "MaxPool",
            ("sum",),
            "most",
            {"kernel_shape": (2, 2), "strides": (2, 2), "auto_pad": "SAME_UPPER"},
        ),
        Node("Flatten", ("most",), "y", {"axis": 1}),
    ]
    written = model(nodes, {"k": kernel}, takes="x", gives=("y",))
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    (y,) = session.run(None, {"x": x})
    assert y.tolist() == [[30.0, 34.0, 46.0, 50.0]]
