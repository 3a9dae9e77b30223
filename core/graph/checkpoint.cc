// SPDX-License-Identifier: Apache-2.0
#include "core/graph/checkpoint.h"

#include <cstring>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/graph/graph_json.h"
#include "core/graph/json_depth.h"
#include "core/graph/raw_bytes.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "BSCK";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPrefix = 16;  // magic, version, header bytes
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kDigestBytes = 32;
constexpr int kMaxHeaderDepth = 40;  // the graph, and what holds it

std::size_t Align(std::size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

absl::Status BadCheckpoint(const std::string& why) {
  return absl::InvalidArgumentError("checkpoint: " + why);
}

std::size_t BytesOf(const TensorInfo& tensor) {
  return static_cast<std::size_t>(ElementCount(tensor.shape)) * (tensor.is_int64 ? 8 : 4);
}

// The header entry that `tensor` must have; written by Serialize, compared by Parse.
Json TensorEntry(const TensorInfo& tensor, std::size_t offset) {
  return {{"name", tensor.name},
          {"dtype", tensor.is_int64 ? "i64" : "f32"},
          {"shape", tensor.shape},
          {"offset", offset},
          {"bytes", BytesOf(tensor)}};
}

}  // namespace

std::string SerializeCheckpoint(const Checkpoint& checkpoint) {
  Json tensors = Json::array();
  std::size_t offset = 0;
  for (const TensorInfo& tensor : checkpoint.graph.tensors()) {
    tensors.push_back(TensorEntry(tensor, offset));
    offset += BytesOf(tensor);
  }
  const Json header = {{"graph", Json::parse(ToJson(checkpoint.graph))},
                       {"metadata", checkpoint.metadata},
                       {"tensors", std::move(tensors)}};
  const std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);

  std::string bytes(kMagic);
  const std::uint64_t header_bytes = text.size();
  bytes.append(reinterpret_cast<const char*>(&kVersion), sizeof kVersion);
  bytes.append(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  bytes += text;
  bytes.resize(Align(bytes.size()), '\0');
  for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const TensorValue& value = checkpoint.tensors[i];
    const std::size_t size = BytesOf(checkpoint.graph.tensors()[i]);
    const void* data = checkpoint.graph.tensors()[i].is_int64
                           ? static_cast<const void*>(value.i64.data())
                           : value.f32.data();
    bytes.append(static_cast<const char*>(data), size);
  }
  Sha256 sha;
  sha.Update(bytes);
  const Sha256Digest digest = sha.Finish();
  bytes.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  return bytes;
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view bytes) {
  if (bytes.size() < kPrefix + kDigestBytes || !bytes.starts_with(kMagic)) {
    return BadCheckpoint("not a checkpoint: expected it to begin with \"BSCK\"");
  }
  const auto version = ReadAt<std::uint32_t>(bytes, 4);
  if (version != kVersion) {
    return BadCheckpoint(fmt::format("version {}: this program reads {}", version, kVersion));
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kDigestBytes);
  Sha256 sha;
  sha.Update(body);
  const Sha256Digest digest = sha.Finish();
  if (std::memcmp(digest.data(), bytes.data() + body.size(), kDigestBytes) != 0) {
    return absl::DataLossError("checkpoint: the digest does not match: truncated or damaged");
  }
  const auto header_bytes = ReadAt<std::uint64_t>(bytes, 8);
  if (header_bytes > body.size() - kPrefix)
    return BadCheckpoint("the header is longer than the file");
  const std::size_t data_start = Align(kPrefix + static_cast<std::size_t>(header_bytes));
  if (data_start > body.size()) return BadCheckpoint("the file ends before its tensors");

  const std::string_view text = body.substr(kPrefix, static_cast<std::size_t>(header_bytes));
  const std::string_view padding = body.substr(kPrefix + text.size());
  if (padding.find_first_not_of('\0') < data_start - kPrefix - text.size()) {
    return BadCheckpoint("the padding after the header is not zero");
  }
  if (IsNestedDeeperThan(kMaxHeaderDepth, text))
    return BadCheckpoint("the header is nested too deep");
  const Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object() || header.size() != 3 || !header.contains("graph") ||
      !header.contains("metadata") || !header.contains("tensors")) {
    return BadCheckpoint("the header must be an object of graph, metadata and tensors");
  }
  absl::StatusOr<Graph> graph = FromJson(header["graph"].dump());
  if (!graph.ok()) return BadCheckpoint(std::string(graph.status().message()));
  std::map<std::string, std::string> metadata;
  if (!header["metadata"].is_object()) return BadCheckpoint("metadata must be an object");
  for (const auto& [key, value] : header["metadata"].items()) {
    if (!value.is_string()) {
      return BadCheckpoint(fmt::format("metadata \"{}\" must be a string", ToValidUtf8(key, 200)));
    }
    metadata[key] = value.get<std::string>();
  }
  const Json& entries = header["tensors"];
  if (!entries.is_array() || entries.size() != graph->tensors().size()) {
    return BadCheckpoint(
        fmt::format("{} tensors, the graph has {}", entries.size(), graph->tensors().size()));
  }
  Checkpoint checkpoint{*std::move(graph), {}, std::move(metadata)};
  std::size_t offset = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const TensorInfo& tensor = checkpoint.graph.tensors()[i];
    const Json wanted = TensorEntry(tensor, offset);
    if (entries[i] != wanted) {
      return BadCheckpoint(fmt::format("tensor {} is {}, the graph needs {}", i,
                                       ToValidUtf8(entries[i].dump(), 500), wanted.dump()));
    }
    const std::size_t size = BytesOf(tensor);
    if (size > body.size() - data_start - offset) {
      return BadCheckpoint(fmt::format("the file ends inside tensor {}", tensor.name));
    }
    TensorValue value{.name = tensor.name};
    const char* data = body.data() + data_start + offset;
    if (tensor.is_int64) {
      value.i64.resize(size / 8);
      std::memcpy(value.i64.data(), data, size);
    } else {
      value.f32.resize(size / 4);
      std::memcpy(value.f32.data(), data, size);
    }
    checkpoint.tensors.push_back(std::move(value));
    offset += size;
  }
  if (data_start + offset != body.size()) {
    return BadCheckpoint(
        fmt::format("{} bytes after the last tensor", body.size() - data_start - offset));
  }
  return checkpoint;
}

}  // namespace bitsweep::graph
