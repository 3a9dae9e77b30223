// SPDX-License-Identifier: Apache-2.0
#include "core/graph/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/text.h"
#include "core/graph/json_depth.h"
#include "core/graph/raw_bytes.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 1 << 20;
constexpr int kMaxHeaderDepth = 8;
constexpr std::size_t kMaxPrefixBytes = 200;
constexpr std::size_t kMaxProblems = 50;

absl::Status BadFile(const std::string& why) {
  return absl::InvalidArgumentError("safetensors: " + why);
}

// IEEE-754 binary16: 1 sign, 5 exponent, 10 mantissa bits. Exact in float32.
float FromHalf(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0x1f) return sign * (mantissa == 0 ? INFINITY : NAN);
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
}

// bfloat16: the upper half of a float32.
float FromBfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
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

// One tensor of the file, its bytes checked to lie inside.
struct Entry {
  std::string dtype;
  Shape shape;
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
  Entry entry{.dtype = dtype.get<std::string>()};
  double size = static_cast<double>(BytesOfType(entry.dtype));
  if (size == 0) return absl::InvalidArgumentError("unknown dtype " + Quoted(entry.dtype));
  for (const Json& item : shape) {
    const std::optional<std::int64_t> dimension = Natural(item);
    if (!dimension) return absl::InvalidArgumentError("expected sizes of at least 0 for shape");
    entry.shape.push_back(*dimension);
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
                                                  entry.dtype, ShapeText(entry.shape), size));
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

// The prefix ("", "model.", ...) without which most names are the graph's; the shortest of equals.
std::string BestPrefix(const Graph& graph, const std::map<std::string, Entry>& entries) {
  std::set<std::string_view> known;
  for (const TensorInfo& tensor : graph.tensors()) known.insert(tensor.name);
  const auto matches = [&](std::string_view prefix) {
    std::size_t count = 0;
    for (const auto& [name, entry] : entries) {
      if (!name.starts_with(prefix)) return std::size_t{0};
      count += known.count(std::string_view(name).substr(prefix.size()));
    }
    return count;
  };
  std::string best;
  if (entries.empty()) return best;
  std::size_t most = matches("");
  const std::string& first = entries.begin()->first;
  for (std::size_t i = 0; i < std::min(first.size(), kMaxPrefixBytes); ++i) {
    if (first[i] != '.') continue;
    const std::string prefix = first.substr(0, i + 1);
    if (const std::size_t count = matches(prefix); count > most) {
      most = count;
      best = prefix;
    }
  }
  return best;
}

std::string TensorProblem(const TensorInfo& tensor, const Entry& entry) {
  const bool is_float =
      entry.dtype == "F32" || entry.dtype == "F64" || entry.dtype == "F16" || entry.dtype == "BF16";
  if (entry.shape != tensor.shape) {
    return fmt::format("{} has shape {}, expected {}", Quoted(tensor.name), ShapeText(entry.shape),
                       ShapeText(tensor.shape));
  }
  if (tensor.is_int64 ? entry.dtype != "I64" : !is_float) {
    return fmt::format("{} is {}, expected {}", Quoted(tensor.name), entry.dtype,
                       tensor.is_int64 ? "I64" : "F32, F64, F16 or BF16");
  }
  return "";
}

// What a finite number of the file becomes; `problems` gets one that float32 does not hold.
float Narrow(const TensorInfo& tensor, std::size_t i, double wide,
             std::vector<std::string>& problems) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!std::isfinite(wide) || std::abs(wide) <= kLargest) return static_cast<float>(wide);
  if (problems.size() <= kMaxProblems) {
    problems.push_back(
        fmt::format("{}[{}] is {:g}: float32 ends at 3.4e38", Quoted(tensor.name), i, wide));
  }
  return 0;
}

TensorValue ReadValue(const TensorInfo& tensor, const Entry& entry, std::string_view data,
                      std::vector<std::string>& problems) {
  TensorValue value{.name = tensor.name};
  const std::size_t stride = BytesOfType(entry.dtype);
  const std::size_t count = (entry.end - entry.begin) / stride;
  if (tensor.is_int64) {
    value.i64.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      value.i64[i] = ReadAt<std::int64_t>(data, entry.begin + i * stride);
    }
    return value;
  }
  value.f32.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = entry.begin + i * stride;
    if (entry.dtype == "F32") {
      value.f32[i] = ReadAt<float>(data, at);
    } else if (entry.dtype == "F64") {
      value.f32[i] = Narrow(tensor, i, ReadAt<double>(data, at), problems);
    } else if (entry.dtype == "F16") {
      value.f32[i] = FromHalf(ReadAt<std::uint16_t>(data, at));
    } else {
      value.f32[i] = FromBfloat(ReadAt<std::uint16_t>(data, at));
    }
  }
  return value;
}

absl::Status AllProblems(const std::vector<std::string>& problems) {
  if (problems.size() <= kMaxProblems) return BadFile(fmt::format("{}", fmt::join(problems, "; ")));
  return BadFile(fmt::format("{}; and {} more",
                             fmt::join(problems.begin(), problems.begin() + kMaxProblems, "; "),
                             problems.size() - kMaxProblems));
}

}  // namespace

absl::StatusOr<std::vector<TensorValue>> TensorsFromSafetensors(const Graph& graph,
                                                                std::string_view bytes) {
  if (bytes.size() < kLengthBytes) {
    return BadFile(fmt::format("{} bytes are no file of this format", bytes.size()));
  }
  const auto header_bytes = ReadAt<std::uint64_t>(bytes, 0);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return BadFile(fmt::format("a header of {} bytes in a file of {}; at most {} are accepted",
                               header_bytes, bytes.size(), kMaxHeaderBytes));
  }
  const std::string_view text = bytes.substr(kLengthBytes, header_bytes);
  const std::string_view data = bytes.substr(kLengthBytes + header_bytes);
  if (IsNestedDeeperThan(kMaxHeaderDepth, text)) return BadFile("the header is nested too deep");
  std::string repeated;
  const Json header = ParseHeader(text, repeated);
  if (!header.is_object()) return BadFile("the header is no JSON object");
  if (!repeated.empty()) return BadFile(Quoted(repeated) + " is given twice");

  std::vector<std::string> problems;
  std::map<std::string, Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") continue;
    absl::StatusOr<Entry> entry = ReadEntry(json, data.size());
    if (entry.ok()) {
      entries[name] = *std::move(entry);
    } else {
      problems.push_back(
          fmt::format("{}: {}", Quoted(name), std::string(entry.status().message())));
    }
  }
  if (!problems.empty()) return AllProblems(problems);
  if (const std::optional<std::string> problem = LayoutProblem(entries, data.size())) {
    return BadFile(*problem);
  }

  const std::string prefix = BestPrefix(graph, entries);
  std::vector<TensorValue> values;
  std::set<std::string> used;
  for (const TensorInfo& tensor : graph.tensors()) {
    const auto found = entries.find(prefix + tensor.name);
    if (found == entries.end()) {
      if (tensor.is_int64) {
        TensorValue none{.name = tensor.name};
        none.i64 = {0};
        values.push_back(std::move(none));
      } else {
        problems.push_back(Quoted(tensor.name) + " is missing");
      }
      continue;
    }
    used.insert(found->first);
    if (std::string problem = TensorProblem(tensor, found->second); !problem.empty()) {
      problems.push_back(std::move(problem));
    } else if (problems.size() <= kMaxProblems) {
      values.push_back(ReadValue(tensor, found->second, data, problems));
    }
  }
  for (const auto& [name, entry] : entries) {
    if (!used.contains(name)) {
      problems.push_back(
          fmt::format("{} is no tensor of graph {}", Quoted(name), Quoted(graph.name())));
    }
  }
  if (!problems.empty()) return AllProblems(problems);
  return values;
}

}  // namespace bitsweep::graph
