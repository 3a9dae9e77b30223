#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What users of PyTorch have and do: run by a Python that has it.

usage: torch_files.py write FOLDER                writes networks in every form, and what they compute
       torch_files.py load FILE.safetensors       loads a file into PyTorch's layers, strictly
"""
import pathlib
import sys

import numpy as np
import safetensors.torch
import torch
from torch import nn


class Residual(nn.Module):
    """All that Bitsweep's graphs have, written as people write it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm1d(8)
        self.conv2 = nn.Conv1d(8, 8, 3, padding=1)
        self.drop = nn.Dropout(0.3)
        self.hidden = nn.Linear(8 * 16, 6, bias=False)
        self.out = nn.Linear(6, 5)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv1(x.unsqueeze(1))))
        x = self.drop(torch.relu(self.conv2(x) + x))
        return torch.sigmoid(self.out(self.hidden(x.view(x.size(0), -1))))


def tiny():
    layers = nn.Sequential(nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5), nn.ReLU())
    return nn.ModuleDict({"seq_blocks": layers}), layers


def train_a_little(network):
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(torch.randn(64, 16)), torch.randint(5, [64])).backward()
        optimizer.step()
    network.eval()


def write(folder):
    torch.manual_seed(1)
    rows = torch.randn(100, 16)
    np.save(folder / "rows.npy", rows.numpy())
    residual = Residual()
    whole, layers = tiny()
    for name, network in (("tiny", layers), ("residual", residual)):
        train_a_little(network)
        np.save(folder / f"{name}.npy", network(rows).detach().numpy())
        torch.onnx.export(network, rows[:1], folder / f"{name}.onnx", input_names=["x"],
                          dynamic_axes={"x": {0: "batch"}})
    state = whole.state_dict()
    safetensors.torch.save_file(state, folder / "tiny.safetensors")
    np.savez(folder / "tiny.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    torch.save(state, folder / "tiny.pt")
    torch.save(state, folder / "tiny-old.pt", _use_new_zipfile_serialization=False)


def load(path):
    whole, _ = tiny()
    print(whole.load_state_dict(safetensors.torch.load_file(path), strict=True))


if __name__ == "__main__":
    {"write": write, "load": load}[sys.argv[1]](pathlib.Path(sys.argv[2]))
