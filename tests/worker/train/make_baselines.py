#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains networks with PyTorch, from given weights and in a given order of rows, and writes what happened.

usage: make_baselines.py REQUEST.json BASELINES.json

REQUEST: {"train": {"x": [[...]], "y": [...]}, "validation": {"x": ..., "y": ...}, "cases": [{"model",
"output_activation", "optimizer", "learning_rate", "weight_decay", "epochs", "batch_size", "tensors": {name: flat
values}, "order": [rows of each epoch]}]}
BASELINES: {"cases": [{"learning_rates", "losses": of every step, "val_acc", "val_loss", "val_loss_batch_mean": of
every epoch, "tensors": {name: flat values at the end}}]}

The networks and the recipe are written with PyTorch's own modules, optimizers and schedule, as docs/training.md says.
"""
import json
import sys

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    sys.exit(f"make_baselines.py: {error}: install python3-torch (deploy/install-deps.sh --dev)")


class Stack(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.seq_blocks = nn.Sequential(*layers)

    def forward(self, x):
        return self.seq_blocks(x)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(16, 16, 3, padding=1)
        self.conv2 = nn.Conv1d(16, 16, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))) + x)


class Rs1923(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv1d(8, 16, 3, padding=1)
        self.block = Block()
        self.fc = nn.Linear(256, 5)
        self.activation = {"none": lambda x: x, "relu": F.relu, "sigmoid": torch.sigmoid}[activation]

    def forward(self, x):
        x = F.relu(self.conv1(x.unsqueeze(1)))
        x = self.block(F.relu(self.conv2(x)))
        return self.activation(self.fc(x.view(-1, 256)))


def build(case):
    model = case["model"]
    if model == "jsc-tiny":
        return Stack(nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5), nn.ReLU())
    if model == "jsc-toy":
        return Stack(nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(),
                     nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU())
    if model == "jsc-rs1923":
        return Rs1923(case["output_activation"])
    raise ValueError(f"unknown model {model}")


def make_optimizer(case, parameters):
    rate, decay = case["learning_rate"], case["weight_decay"]
    if case["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay), 1e-6
    if case["optimizer"] == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay), 1e-6
    if case["optimizer"] == "sgd":  # its weight decay is fixed
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4), 0.0
    raise ValueError(f"unknown optimizer {case['optimizer']}")


def evaluate(network, x, y, batch):
    network.eval()
    correct, loss_sum, means = 0, 0.0, []
    with torch.no_grad():
        for i in range(0, len(y), batch):
            output = network(x[i:i + batch])
            means.append(F.cross_entropy(output, y[i:i + batch]).item())
            loss_sum += F.cross_entropy(output.double(), y[i:i + batch], reduction="sum").item()
            correct += (output.argmax(1) == y[i:i + batch]).sum().item()
    network.train()
    return correct / len(y), loss_sum / len(y), sum(means) / len(means)


def train(case, data):
    network = build(case)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    network.load_state_dict({name: torch.tensor(values).reshape(shapes[name])
                             for name, values in case["tensors"].items()}, strict=True)
    optimizer, eta_min = make_optimizer(case, network.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=case["epochs"], eta_min=eta_min)
    (x, y), validation = data
    batch = case["batch_size"]
    result = {"learning_rates": [], "losses": [], "val_acc": [], "val_loss": [], "val_loss_batch_mean": []}
    for order in case["order"]:
        result["learning_rates"].append(optimizer.param_groups[0]["lr"])
        rows = torch.tensor(order)
        for i in range(0, len(rows), batch):
            chosen = rows[i:i + batch]
            loss = F.cross_entropy(network(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            result["losses"].append(loss.item())
        schedule.step()
        accuracy, row_mean, batch_mean = evaluate(network, *validation, batch)
        result["val_acc"].append(accuracy)
        result["val_loss"].append(row_mean)
        result["val_loss_batch_mean"].append(batch_mean)
    result["tensors"] = {name: tensor.flatten().tolist() for name, tensor in network.state_dict().items()}
    return result


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with open(sys.argv[1]) as file:
        request = json.load(file)
    data = [(torch.tensor(request[part]["x"], dtype=torch.float32), torch.tensor(request[part]["y"]))
            for part in ("train", "validation")]
    with open(sys.argv[2], "w") as file:
        json.dump({"cases": [train(case, data) for case in request["cases"]]}, file)


main()
