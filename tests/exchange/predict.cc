// SPDX-License-Identifier: Apache-2.0
// What LibTorch says: runs a checkpoint in evaluation mode on rows of a .npy file.
//
//   exchange_predict MODEL.bsck ROWS.npy OUTPUTS.npy [--inputs-of PREFIX]
//
// Both .npy files hold float32 in C order; rows become [rows, sizes of one sample]. --inputs-of
// writes the first input, before it is quantized, of each node whose name begins with PREFIX, one
// behind the other in the graph's order, and not the outputs.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/checkpoint.h"
#include "fmt/format.h"
#include "worker/nn/module_runner.h"

namespace {

using bitsweep::graph::Checkpoint;

[[noreturn]] void Fail(const std::string& why) {
  std::fputs(("exchange_predict: " + why + "\n").c_str(), stderr);
  std::exit(1);
}

std::string Read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail(fmt::format("{}: cannot be read", path));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The values behind the header of a file of version 1 (numpy.lib.format).
std::vector<float> ReadNpy(const char* path) {
  const std::string bytes = Read(path);
  constexpr std::size_t kPrefix = 10;
  if (bytes.size() < kPrefix || bytes.compare(0, 7, "\x93NUMPY\x01") != 0) {
    Fail(fmt::format("{}: no .npy of version 1", path));
  }
  const std::size_t header = static_cast<unsigned char>(bytes[8]) +
                             std::size_t{256} * static_cast<unsigned char>(bytes[9]);
  const std::string_view text = std::string_view(bytes).substr(kPrefix, header);
  if (text.find("'<f4'") == text.npos || text.find("'fortran_order': False") == text.npos) {
    Fail(fmt::format("{}: expected float32 in C order: {}", path, text));
  }
  std::vector<float> values((bytes.size() - kPrefix - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + kPrefix + header, values.size() * sizeof(float));
  return values;
}

void WriteNpy(const char* path, std::size_t rows, const std::vector<float>& values) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows,
                  values.size() / rows);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  const char size[2] = {static_cast<char>(header.size() & 255),
                        static_cast<char>(header.size() >> 8)};
  file.write(size, 2);
  file << header;
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file.flush()) Fail(fmt::format("{}: cannot be written", path));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4 && !(count == 6 && std::string_view(arguments[4]) == "--inputs-of")) {
    Fail("expected MODEL.bsck ROWS.npy OUTPUTS.npy [--inputs-of PREFIX]");
  }
  const absl::StatusOr<Checkpoint> checkpoint =
      bitsweep::graph::ParseCheckpoint(Read(arguments[1]));
  if (!checkpoint.ok()) Fail(checkpoint.status().ToString());
  const bitsweep::graph::Graph& graph = checkpoint->graph;
  const std::vector<float> x = ReadNpy(arguments[2]);
  const auto features = static_cast<std::size_t>(graph.InputFeatures());
  const std::size_t rows = x.size() / features;
  if (rows == 0 || rows * features != x.size()) {
    Fail(fmt::format("{} values for rows of {}", x.size(), features));
  }
  auto runner = bitsweep::nn::ModuleRunners(/*seed=*/0)(graph, checkpoint->tensors);
  if (!runner.ok()) Fail(runner.status().ToString());
  if (count == 4) {
    const auto outputs = (*runner)->Forward(x, static_cast<std::int64_t>(rows));
    if (!outputs.ok()) Fail(outputs.status().ToString());
    WriteNpy(arguments[3], rows, *outputs);
    return 0;
  }
  std::vector<std::size_t> wanted;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    if (graph.nodes()[n].name.starts_with(arguments[5])) wanted.push_back(n);
  }
  std::vector<float> seen;
  const absl::Status status = (*runner)->VisitInputs(
      x, static_cast<std::int64_t>(rows), wanted, [&](const bitsweep::passes::NodeInput& input) {
        if (input.input == 0) seen.insert(seen.end(), input.values.begin(), input.values.end());
      });
  if (!status.ok()) Fail(status.ToString());
  if (seen.empty()) Fail(fmt::format("no node begins with {}", arguments[5]));
  WriteNpy(arguments[3], wanted.size() * rows, seen);
}
