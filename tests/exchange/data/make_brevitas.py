#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Made brevitas.onnx and brevitas.npz, with brevitas 0.10.3, onnx 1.14.1 and PyTorch 1.13.

usage: make_brevitas.py FOLDER
"""
import pathlib
import sys

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.export import export_qonnx
from brevitas.quant import Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint, Uint8ActPerTensorFixedPoint

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(0)
model = torch.nn.Sequential(
    qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, return_quant_tensor=True),
    qnn.QuantLinear(16, 8, bias=True, weight_quant=Int8WeightPerTensorFixedPoint, weight_bit_width=6),
    qnn.QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, bit_width=5, return_quant_tensor=True),
    qnn.QuantLinear(8, 5, bias=True, weight_quant=Int8WeightPerTensorFixedPoint))
for _ in range(20):
    model(torch.randn(64, 16))  # finds the scales
model.eval()
rows = torch.randn(50, 16)
outputs = model(rows)
np.savez(folder / "brevitas.npz", rows=rows.numpy(), outputs=outputs.detach().numpy())
export_qonnx(model, torch.zeros(1, 16), folder / "brevitas.onnx")
