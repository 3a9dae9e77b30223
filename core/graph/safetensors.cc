// SPDX-License-Identifier: Apache-2.0
#include "core/graph/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/graph/graph_json.h"
#include "core/graph/json_depth.h"
#include "core/graph/raw_bytes.h"
#include "core/graph/tensor_match.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "safetensors";
constexpr const char* kMetadata = "__metadata__";
constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 32 << 20;  // a graph's text has 16 MiB
constexpr int kMaxTensorsDepth = 8;
constexpr TypeWords kTypeWords{.floats = "F32, F64, F16 or BF16", .integers = "I64 or I32"};

absl::Status BadFile(const std::string& why) {
  return absl::InvalidArgumentError("safetensors: " + why);
}

std::size_t BytesOfType(std::string_view dtype) {
  static constexpr std::pair<std::string_view, std::size_t> kTypes[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
      {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  for (const auto& [name, size] : kTypes) {
    if (name == dtype) return size;
  }
  return 0;
}

// Those that a graph's tensors may come from.
ElementType TypeOf(std::string_view dtype) {
  static constexpr std::pair<std::string_view, ElementType> kTypes[] = {
      {"F64", ElementType::kF64},   {"F32", ElementType::kF32}, {"F16", ElementType::kF16},
      {"BF16", ElementType::kBf16}, {"I64", ElementType::kI64}, {"I32", ElementType::kI32}};
  for (const auto& [name, type] : kTypes) {
    if (name == dtype) return type;
  }
  return ElementType::kOther;
}

// One tensor of the file, its bytes checked to lie inside.
struct Entry {
  StoredTensor stored;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::optional<std::int64_t> Natural(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  const auto value = json.get<std::int64_t>();
  return value < 0 ? std::nullopt : std::optional(value);
}

// The entry, or why it is none.
absl::StatusOr<Entry> ReadEntry(const Json& json, std::size_t data_bytes) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    return absl::InvalidArgumentError("expected an object of dtype, shape and data_offsets");
  }
  const Json& dtype = json["dtype"];
  const Json& shape = json["shape"];
  const Json& offsets = json["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || shape.size() > 8 || !offsets.is_array() ||
      offsets.size() != 2) {
    return absl::InvalidArgumentError(
        "expected text for dtype, at most 8 sizes for shape, two numbers for data_offsets");
  }
  Entry entry;
  StoredTensor& stored = entry.stored;
  stored.dtype = dtype.get<std::string>();
  stored.type = TypeOf(stored.dtype);
  double size = static_cast<double>(BytesOfType(stored.dtype));
  if (size == 0) return absl::InvalidArgumentError("unknown dtype " + Quoted(stored.dtype));
  for (const Json& item : shape) {
    const std::optional<std::int64_t> dimension = Natural(item);
    if (!dimension) return absl::InvalidArgumentError("expected sizes of at least 0 for shape");
    stored.shape.push_back(*dimension);
    size *= static_cast<double>(*dimension);
  }
  const std::optional<std::int64_t> begin = Natural(offsets[0]);
  const std::optional<std::int64_t> end = Natural(offsets[1]);
  if (!begin || !end || *begin > *end || *end > static_cast<std::int64_t>(data_bytes)) {
    return absl::InvalidArgumentError(fmt::format("data_offsets {} leave the data of {} bytes",
                                                  ToValidUtf8(offsets.dump(), 100), data_bytes));
  }
  if (size != static_cast<double>(*end - *begin)) {
    return absl::InvalidArgumentError(fmt::format("{} bytes, but {} {} has {:.0f}", *end - *begin,
                                                  stored.dtype, ShapeText(stored.shape), size));
  }
  entry.begin = static_cast<std::size_t>(*begin);
  entry.end = static_cast<std::size_t>(*end);
  return entry;
}

// The header, with a name that is given twice left in `repeated`.
Json ParseHeader(std::string_view text, std::string& repeated) {
  std::set<std::string> names;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key &&
        !names.insert(parsed.get<std::string>()).second) {
      repeated = parsed.get<std::string>();
    }
    return true;
  };
  return Json::parse(text, callback, /*allow_exceptions=*/false);
}

// Data must be covered without overlaps and gaps.
std::optional<std::string> LayoutProblem(const std::map<std::string, Entry>& entries,
                                         std::size_t data_bytes) {
  std::vector<const std::pair<const std::string, Entry>*> order;
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::size_t covered = 0;
  for (const auto* entry : order) {
    if (entry->second.begin != covered) {
      return fmt::format("{} begins at byte {}, the tensor before it ends at {}",
                         Quoted(entry->first), entry->second.begin, covered);
    }
    covered = entry->second.end;
  }
  if (covered == data_bytes) return std::nullopt;
  return fmt::format("{} bytes after the last tensor", data_bytes - covered);
}

// What a header says, with where each tensor's bytes lie.
struct Contents {
  SafetensorsHeader header;
  std::map<std::string, Entry> entries;
  std::string_view data;
};

absl::StatusOr<Contents> ReadContents(std::string_view bytes) {
  if (bytes.size() < kLengthBytes) {
    return BadFile(fmt::format("{} bytes are no file of this format", bytes.size()));
  }
  const auto header_bytes = ReadAt<std::uint64_t>(bytes, 0);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return BadFile(fmt::format("a header of {} bytes in a file of {}; at most {} are accepted",
                               header_bytes, bytes.size(), kMaxHeaderBytes));
  }
  const std::string_view text = bytes.substr(kLengthBytes, header_bytes);
  Contents contents{.data = bytes.substr(kLengthBytes + header_bytes)};
  if (IsNestedDeeperThan(kMaxTensorsDepth, text)) return BadFile("the header is nested too deep");
  std::string repeated;
  const Json header = ParseHeader(text, repeated);
  if (!header.is_object()) return BadFile("the header is no JSON object");
  if (!repeated.empty()) return BadFile(Quoted(repeated) + " is given twice");

  std::vector<std::string> problems;
  for (const auto& [name, json] : header.items()) {
    if (name == kMetadata) {
      for (const auto& [key, value] : json.items()) {
        if (value.is_string()) contents.header.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    absl::StatusOr<Entry> entry = ReadEntry(json, contents.data.size());
    if (entry.ok()) {
      contents.header.tensors[name] = entry->stored;
      contents.entries[name] = *std::move(entry);
    } else {
      problems.push_back(
          fmt::format("{}: {}", Quoted(name), std::string(entry.status().message())));
    }
  }
  if (!problems.empty()) return AllProblems(kFormat, problems);
  if (const auto problem = LayoutProblem(contents.entries, contents.data.size())) {
    return BadFile(*problem);
  }
  return contents;
}

std::string_view RawBytes(const TensorValue& value) {
  if (!value.i64.empty()) {
    return {reinterpret_cast<const char*>(value.i64.data()), value.i64.size() * 8};
  }
  return {reinterpret_cast<const char*>(value.f32.data()), value.f32.size() * 4};
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(std::string_view bytes) {
  ASSIGN_OR_RETURN(Contents contents, ReadContents(bytes));
  return std::move(contents.header);
}

absl::StatusOr<std::vector<TensorValue>> TensorsFromSafetensors(const Graph& graph,
                                                                std::string_view bytes) {
  ASSIGN_OR_RETURN(const Contents contents, ReadContents(bytes));
  std::vector<std::string> problems;
  const std::vector<std::string> names =
      MatchTensors(graph, contents.header.tensors, kTypeWords, problems);
  if (!problems.empty()) return AllProblems(kFormat, problems);
  std::vector<TensorValue> values;
  for (std::size_t i = 0; i < names.size() && !IsFull(problems); ++i) {
    const TensorInfo& tensor = graph.tensors()[i];
    if (names[i].empty()) {
      values.push_back(NoBatches(tensor));
      continue;
    }
    const Entry& entry = contents.entries.at(names[i]);
    values.push_back(ReadTensor(tensor, entry.stored.type,
                                contents.data.substr(entry.begin, entry.end - entry.begin),
                                problems));
  }
  if (!problems.empty()) return AllProblems(kFormat, problems);
  return values;
}

std::string ToSafetensors(const Checkpoint& checkpoint) {
  Json header = Json::object();
  header[kMetadata] = {{"format", "pt"}, {kSafetensorsGraph, ToJson(checkpoint.graph)}};
  std::string data;
  // The wider type first: every tensor begins at a multiple of its element.
  for (const bool is_int64 : {true, false}) {
    for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
      const TensorInfo& tensor = checkpoint.graph.tensors()[i];
      if (tensor.is_int64 != is_int64) continue;
      const std::size_t begin = data.size();
      data += RawBytes(checkpoint.tensors[i]);
      header[tensor.name] = {{"dtype", is_int64 ? "I64" : "F32"},
                             {"shape", tensor.shape},
                             {"data_offsets", {begin, data.size()}}};
    }
  }
  std::string text = header.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_bytes = text.size();
  std::string bytes(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  return bytes + text + data;
}

}  // namespace bitsweep::graph
