#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an include breaks the table of docs/architecture.md.

usage: layering.py ROOT [--self-test]
"""
import pathlib
import re
import sys

# room -> rooms it may include (besides itself). The longest matching room of a file counts.
ROOMS = {
    "core/base": [],
    "core/graph": ["core/base"],
    "core/spec": ["core/base", "core/graph"],
    "core/options": ["core/base"],
    "proto/convert": ["core/base", "core/graph", "core/spec"],
    "proto/channel": ["core/base", "core/options"],
    "server/store": ["core/base", "core/graph", "core/spec"],
    "server/scheduler": ["core/base", "core/graph", "core/spec", "server/store"],
    "server/metrics": ["core/base", "core/spec"],
    "server/rpc": ["core/base", "core/graph", "core/spec", "proto/convert", "server/scheduler", "server/store",
                   "server/metrics"],
    "server/app": ["core/base", "core/graph", "core/spec", "core/options", "proto/convert", "server/scheduler",
                   "server/store", "server/metrics", "server/rpc"],
    "worker/data": ["core/base", "core/graph", "core/spec"],
    "worker/executor": ["core/base", "core/graph", "core/spec"],
    "worker/quant": ["core/base", "core/graph"],
    "worker/passes": ["core/base", "core/graph", "core/spec", "worker/data", "worker/quant"],
    "worker/nn": ["core/base", "core/graph", "core/spec", "worker/data", "worker/quant", "worker/passes"],
    "worker/train": ["core/base", "core/graph", "core/spec", "worker/data", "worker/nn", "worker/passes",
                     "worker/executor", "worker/train/fused"],
    "worker/train/fused": ["core/base", "core/graph", "core/spec", "worker/data", "worker/quant", "worker/train"],
    "worker/agent": ["core/base", "core/graph", "core/spec", "core/options", "proto/convert", "proto/channel",
                     "worker/executor"],
    "worker/app": ["core/base", "core/graph", "core/spec", "core/options", "worker/agent", "worker/executor",
                   "worker/train", "worker/data"],
    "client": ["core/base", "core/graph", "core/spec", "core/options", "proto/convert", "proto/channel",
               "client/exchange", "client/output", "client/report", "client/results"],
    "client/exchange": ["core/base", "core/graph"],
    "client/output": ["core/base"],
    "client/report": ["core/base", "core/graph", "core/spec", "client/output"],
    "client/results": ["core/base"],
}
# Interfaces: what of a room others may include.
ONLY = {
    "server/store": {
        "server/scheduler": re.compile(r"server/store/[^/]+\.h$"),
        "server/rpc": re.compile(r"server/store/[^/]+\.h$"),
    },
    "worker/passes": {"worker/nn": re.compile(r"worker/passes/graph_runner\.h$")},
    "worker/train": {"worker/app": re.compile(r"worker/train/torch_executor\.h$"),
                     "worker/train/fused": re.compile(r"worker/train/(engine|optimizer)\.h$")},
    "worker/train/fused": {"worker/train": re.compile(r"worker/train/fused/fused_engine\.h$")},
}
LIBRARIES = {
    "torch": re.compile(r"^(torch|ATen|c10|caffe2)/"),
    "grpc": re.compile(r"^(grpc|grpcpp|grpc\+\+)/|\.grpc\.pb\.h$"),
    "proto": re.compile(r"^google/(protobuf|rpc)/|\.pb\.h$"),
    "sqlite": re.compile(r"^sqlite3\.h$"),
    "prometheus": re.compile(r"^prometheus/"),
    "hdf5": re.compile(r"^hdf5"),
    "onnx": re.compile(r"^onnx/"),
    "cli": re.compile(r"^CLI/|^toml\+\+/|^toml"),
}
MAY_USE = {
    "core/base": [], "core/graph": [], "core/spec": [], "core/options": ["cli"],
    "proto/convert": ["proto"], "proto/channel": ["grpc"],
    "server/store": ["sqlite"], "server/scheduler": [], "server/metrics": ["prometheus"],
    "server/rpc": ["grpc", "proto"], "server/app": ["grpc", "proto", "cli"],
    "worker/data": ["hdf5"], "worker/executor": [], "worker/quant": [], "worker/passes": [], "worker/nn": ["torch"], "worker/train": ["torch"],
    "worker/train/fused": [],
    "worker/agent": ["grpc", "proto"], "worker/app": ["grpc", "cli", "prometheus"],
    "client": ["grpc", "proto", "cli"], "client/exchange": ["onnx"], "client/output": ["proto"],
    "client/report": ["proto"], "client/results": ["proto"],
}
# Templates that read JSON, for the sources of their own room only.
JSON_READERS = {"core/graph/json_object.h", "core/spec/json_reader.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)


def room_of(path):
    best = ""
    for room in ROOMS:
        if (path == room or path.startswith(room + "/")) and len(room) > len(best):
            best = room
    return best


def problems_of(path, text):
    room = room_of(path)
    found = []
    if not room:
        return [f"{path}: in no room of the table"]
    for included in INCLUDE.findall(text):
        other = room_of(included)
        if other:
            if other != room and other not in ROOMS[room]:
                found.append(f"{path}: {room} may not include {included}")
            elif other != room:
                only = ONLY.get(other, {}).get(room)
                if only and not only.search(included):
                    found.append(f"{path}: {room} may include only the interface of {other}, not {included}")
            continue
        if included.split("/")[0] in ("server", "worker", "tests", "core") and "/" in included:
            found.append(f"{path}: {included} is in no room of the table")
        for library, pattern in LIBRARIES.items():
            if pattern.search(included) and library not in MAY_USE[room]:
                found.append(f"{path}: {room} may not use {library} ({included})")
        if included == "nlohmann/json.hpp" and path.endswith(".h") and path not in JSON_READERS:
            found.append(f"{path}: nlohmann/json.hpp belongs in sources (json_fwd.hpp in headers)")
        if included == "torch/torch.h":
            found.append(f"{path}: torch/torch.h takes 14 s to compile; include what is used")
    return found


def self_test():
    bad = {
        "server/scheduler/x.cc": '#include "sqlite3.h"',
        "server/rpc/x.cc": '#include "server/store/sqlite/open.h"',
        "worker/agent/x.cc": '#include <torch/types.h>',
        "core/base/x.cc": '#include "server/store/store.h"',
        "client/x.cc": '#include "worker/data/dataset.h"',
        "core/spec/x.h": '#include "nlohmann/json.hpp"',
        "server/other/x.cc": "",
    }
    for path, text in bad.items():
        assert problems_of(path, text), f"the checker accepted {path}: {text}"
    assert not problems_of("server/rpc/x.cc", '#include "server/store/store.h"\n#include <grpcpp/server.h>')


def main():
    root = pathlib.Path(sys.argv[1])
    self_test()
    files = [f for top in ("core", "proto", "server", "worker", "client") for f in sorted((root / top).rglob("*"))
             if f.suffix in (".h", ".cc")]
    if len(files) < 50:
        sys.exit(f"only {len(files)} files below {root}: is this the source tree?")
    found = [p for f in files for p in problems_of(str(f.relative_to(root)), f.read_text())]
    print("\n".join(found) or f"{len(files)} files keep the table")
    sys.exit(1 if found else 0)


main()
