// SPDX-License-Identifier: Apache-2.0
#include "core/graph/tensor_match.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/graph/raw_bytes.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::graph {
namespace {

constexpr std::size_t kMaxPrefixBytes = 200;
constexpr std::size_t kMaxProblems = 50;

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

bool IsFloat(ElementType type) {
  return type == ElementType::kF16 || type == ElementType::kBf16 || type == ElementType::kF32 ||
         type == ElementType::kF64;
}
bool IsInteger(ElementType type) { return type == ElementType::kI32 || type == ElementType::kI64; }

std::string MatchProblem(const TensorInfo& tensor, const StoredTensor& stored,
                         const TypeWords& words) {
  if (stored.shape != tensor.shape) {
    return fmt::format("{} has shape {}, expected {}", Quoted(tensor.name), ShapeText(stored.shape),
                       ShapeText(tensor.shape));
  }
  if (tensor.is_int64 ? !IsInteger(stored.type) : !IsFloat(stored.type)) {
    return fmt::format("{} is {}, expected {}", Quoted(tensor.name), stored.dtype,
                       tensor.is_int64 ? words.integers : words.floats);
  }
  return "";
}

// What a finite number of the file becomes; `problems` gets one that float32 does not hold.
float Narrow(const TensorInfo& tensor, std::size_t i, double wide,
             std::vector<std::string>& problems) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!std::isfinite(wide) || std::abs(wide) <= kLargest) return static_cast<float>(wide);
  if (!IsFull(problems)) {
    problems.push_back(
        fmt::format("{}[{}] is {:g}: float32 ends at 3.4e38", Quoted(tensor.name), i, wide));
  }
  return 0;
}

// One value from each element of type From.
template <typename From, typename To, typename Convert>
std::vector<To> ReadAll(std::string_view bytes, Convert convert) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = convert(ReadAt<From>(bytes, i * sizeof(From)), i);
  }
  return values;
}

template <typename T>
std::vector<T> CopyAll(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace

std::size_t BytesOfElement(ElementType type) {
  switch (type) {
    case ElementType::kF16:
    case ElementType::kBf16:
      return 2;
    case ElementType::kF32:
    case ElementType::kI32:
      return 4;
    case ElementType::kF64:
    case ElementType::kI64:
      return 8;
    case ElementType::kOther:
      break;
  }
  return 0;
}

std::string PrefixOf(const Graph& graph, const StoredTensors& stored) {
  std::set<std::string_view> known;
  for (const TensorInfo& tensor : graph.tensors()) known.insert(tensor.name);
  const auto matches = [&](std::string_view prefix) {
    std::size_t count = 0;
    for (const auto& [name, tensor] : stored) {
      if (!name.starts_with(prefix)) return std::size_t{0};
      count += known.count(std::string_view(name).substr(prefix.size()));
    }
    return count;
  };
  std::string best;
  if (stored.empty()) return best;
  std::size_t most = matches("");
  const std::string& first = stored.begin()->first;
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

std::vector<std::string> MatchTensors(const Graph& graph, const StoredTensors& stored,
                                      const TypeWords& words, std::vector<std::string>& problems) {
  const std::string prefix = PrefixOf(graph, stored);
  std::vector<std::string> names;
  std::set<std::string_view> used;
  for (const TensorInfo& tensor : graph.tensors()) {
    const auto found = stored.find(prefix + tensor.name);
    if (found == stored.end()) {
      if (!tensor.is_int64) problems.push_back(Quoted(tensor.name) + " is missing");
      names.emplace_back();
      continue;
    }
    used.insert(found->first);
    names.push_back(found->first);
    if (std::string problem = MatchProblem(tensor, found->second, words); !problem.empty()) {
      problems.push_back(std::move(problem));
    }
  }
  for (const auto& [name, tensor] : stored) {
    if (!used.contains(name)) {
      problems.push_back(
          fmt::format("{} is no tensor of graph {}", Quoted(name), Quoted(graph.name())));
    }
  }
  return names;
}

TensorValue ReadTensor(const TensorInfo& tensor, ElementType type, std::string_view bytes,
                       std::vector<std::string>& problems) {
  TensorValue value{.name = tensor.name};
  if (type == ElementType::kI64) {
    value.i64 = CopyAll<std::int64_t>(bytes);
  } else if (type == ElementType::kI32) {
    value.i64 = ReadAll<std::int32_t, std::int64_t>(
        bytes, [](std::int32_t v, std::size_t) { return std::int64_t{v}; });
  } else if (type == ElementType::kF32) {
    value.f32 = CopyAll<float>(bytes);
  } else if (type == ElementType::kF64) {
    value.f32 = ReadAll<double, float>(
        bytes, [&](double v, std::size_t i) { return Narrow(tensor, i, v, problems); });
  } else if (type == ElementType::kF16) {
    value.f32 = ReadAll<std::uint16_t, float>(
        bytes, [](std::uint16_t v, std::size_t) { return FromHalf(v); });
  } else if (type == ElementType::kBf16) {
    value.f32 = ReadAll<std::uint16_t, float>(
        bytes, [](std::uint16_t v, std::size_t) { return FromBfloat(v); });
  }
  return value;
}

TensorValue NoBatches(const TensorInfo& tensor) {
  TensorValue value{.name = tensor.name};
  value.i64 = {0};
  return value;
}

absl::Status AllProblems(std::string_view format, const std::vector<std::string>& problems) {
  const auto shown = static_cast<std::ptrdiff_t>(std::min(problems.size(), kMaxProblems));
  std::string text =
      fmt::format("{}: {}", format, fmt::join(problems.begin(), problems.begin() + shown, "; "));
  if (problems.size() > kMaxProblems) {
    text += fmt::format("; and {} more", problems.size() - kMaxProblems);
  }
  return absl::InvalidArgumentError(text);
}

bool IsFull(const std::vector<std::string>& problems) { return problems.size() > kMaxProblems; }

}  // namespace bitsweep::graph
