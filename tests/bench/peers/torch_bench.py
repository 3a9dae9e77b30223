#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps of PyTorch on one core, rows in memory, Adam: the same graphs and batches as engine_bench. Prints one
JSON object: rows and steps a second.

    torch_bench.py --models jsc-tiny,jsc-toy --batches 16,256 --seconds 1
"""
import argparse
import json
import time

import torch
from torch import nn

ROWS, FEATURES, CLASSES = 789_444, 16, 5


class Rs1923(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = ((1, 8), (8, 16), (16, 16), (16, 16))
        self.convs = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in sizes)
        self.fc = nn.Linear(256, CLASSES)

    def forward(self, x):
        x = torch.relu(self.convs[0](x.unsqueeze(1)))
        residual = torch.relu(self.convs[1](x))
        x = torch.relu(self.convs[2](residual))
        x = torch.relu(self.convs[3](x) + residual)
        return torch.sigmoid(self.fc(x.flatten(1)))


def sequential(layers):
    modules, width = [], FEATURES
    for layer in layers:
        if layer == "norm":
            modules.append(nn.BatchNorm1d(width))
        elif layer == "relu":
            modules.append(nn.ReLU())
        else:
            modules.append(nn.Linear(width, layer))
            width = layer
    return nn.Sequential(*modules)


MODELS = {
    "jsc-tiny": lambda: sequential(["norm", "relu", 5, "relu"]),
    "jsc-toy": lambda: sequential(["norm", "relu", 8, "norm", "relu", 8, "norm", "relu", 5, "norm", "relu"]),
    "jsc-s": lambda: sequential(["norm", "relu", 64, "norm", "relu", 32, "relu", 32, "relu", 32, "relu", 5, "norm",
                                 "relu"]),
    "jsc-rs1923": Rs1923,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--batches", default="16,64,256,1024")
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    x, y = torch.randn(ROWS, FEATURES), torch.randint(CLASSES, (ROWS,))
    order = torch.randperm(ROWS)
    results = []
    for name in arguments.models.split(","):
        for batch in map(int, arguments.batches.split(",")):
            model = MODELS[name]()
            adam = torch.optim.Adam(model.parameters(), lr=1e-3)
            steps, start = -20, None
            while start is None or time.perf_counter() - start < arguments.seconds:
                if steps == 0:
                    start = time.perf_counter()
                first = (steps + 20) * batch % (ROWS - batch)
                rows = order[first : first + batch]
                adam.zero_grad(set_to_none=True)
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                adam.step()
                steps += 1
            rate = steps / (time.perf_counter() - start)
            results.append({"name": f"train/pytorch/{name}/{batch}", "steps": rate, "rows": rate * batch})
    print(json.dumps({"peer": "pytorch", "version": torch.__version__, "benchmarks": results}, indent=1))


main()
