// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "client/exchange/npz.h"
#include "client/exchange/zip_file.h"
#include "core/base/npy_header.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

constexpr std::string_view kNpz = "npz";
constexpr std::string_view kNpySuffix = ".npy";
constexpr std::size_t kNpyStart = 12;  // what says how long the header is
constexpr graph::TypeWords kNpzTypes{.floats = "f4, f8 or f2", .integers = "i8 or i4"};

absl::Status NpzError(std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("npz: {}", why));
}

graph::ElementType TypeOfNpy(const NpyHeader& header) {
  using graph::ElementType;
  if (header.byte_order != '<' && header.byte_order != '>') return ElementType::kOther;
  static constexpr std::pair<std::string_view, ElementType> kTypes[] = {{"f2", ElementType::kF16},
                                                                        {"f4", ElementType::kF32},
                                                                        {"f8", ElementType::kF64},
                                                                        {"i4", ElementType::kI32},
                                                                        {"i8", ElementType::kI64}};
  for (const auto& [name, type] : kTypes) {
    if (name == header.type) return type;
  }
  return ElementType::kOther;
}

// The header at the beginning of the current entry, which is read up to the header's end.
absl::StatusOr<NpyHeader> ReadNpyHeader(ZipReader& zip) {
  ASSIGN_OR_RETURN(std::string bytes, zip.Read(kNpyStart));
  if (bytes.size() == kNpyStart) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    const bool is_long = byte(6) >= 2;
    std::size_t end = (is_long ? 12 : 10) + (byte(8) | std::size_t{byte(9)} << 8);
    if (is_long) end += std::size_t{byte(10)} << 16 | std::size_t{byte(11)} << 24;
    if (end > kNpyStart && end <= kMaxNpyHeaderBytes) {
      ASSIGN_OR_RETURN(const std::string rest, zip.Read(end - kNpyStart));
      bytes += rest;
    }
  }
  return ParseNpyHeader(bytes);
}

using NpyHeaders = std::map<std::string, NpyHeader>;  // by the array's name

absl::StatusOr<NpyHeaders> ReadHeaders(std::string_view bytes) {
  absl::StatusOr<ZipReader> zip = ZipReader::Open(bytes);
  if (!zip.ok()) return NpzError(std::string(zip.status().message()));
  NpyHeaders headers;
  std::vector<std::string> problems;
  while (true) {
    absl::StatusOr<std::optional<std::string>> entry = zip->Next();
    if (!entry.ok()) return NpzError(std::string(entry.status().message()));
    if (!*entry) break;
    std::string name = std::move(**entry);
    if (!name.ends_with(kNpySuffix)) {
      problems.push_back(fmt::format("{} is no array: expected NAME.npy", Quoted(name)));
      continue;
    }
    name.resize(name.size() - kNpySuffix.size());
    absl::StatusOr<NpyHeader> header = ReadNpyHeader(*zip);
    if (!header.ok()) {
      problems.push_back(
          fmt::format("{}: {}", Quoted(name), std::string(header.status().message())));
    } else if (header->type.starts_with("O")) {
      problems.push_back(
          fmt::format("{} holds pickled objects, which may be programs: save an array of numbers",
                      Quoted(name)));
    } else if (!headers.emplace(name, *std::move(header)).second) {
      problems.push_back(Quoted(name) + " is given twice");
    }
  }
  if (!problems.empty()) return graph::AllProblems(kNpz, problems);
  return headers;
}

graph::StoredTensors Stored(const NpyHeaders& headers) {
  graph::StoredTensors stored;
  for (const auto& [name, header] : headers) {
    stored[name] = {.dtype = fmt::format("{}{}", header.byte_order, header.type),
                    .type = TypeOfNpy(header),
                    .shape = header.shape};
  }
  return stored;
}

// Elements of `size` bytes that stand in columns, one after another, put into rows.
std::string InRows(const std::string& columns, const graph::Shape& shape, std::size_t size) {
  std::string rows(columns.size(), '\0');
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::size_t at = 0; at < columns.size(); at += size) {
    std::int64_t row = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) row = row * shape[d] + index[d];
    std::copy_n(
        columns.begin() + static_cast<std::ptrdiff_t>(at), size,
        rows.begin() + static_cast<std::ptrdiff_t>(row) * static_cast<std::ptrdiff_t>(size));
    for (std::size_t d = 0; d < shape.size() && ++index[d] == shape[d]; ++d) index[d] = 0;
  }
  return rows;
}

// The current entry's array as little-endian bytes in rows. REQUIRES: a header of its own, whose
// type and shape a graph has.
absl::StatusOr<std::string> ReadArray(ZipReader& zip, const NpyHeader& header) {
  const graph::Shape& shape = header.shape;
  const std::size_t size = graph::BytesOfElement(TypeOfNpy(header));
  const std::size_t expected = static_cast<std::size_t>(graph::ElementCount(shape)) * size;
  RETURN_IF_ERROR(zip.Read(header.bytes).status());
  ASSIGN_OR_RETURN(std::string values, zip.Read(expected));
  ASSIGN_OR_RETURN(const std::string more, zip.Read(1));
  if (values.size() != expected || !more.empty()) {
    return absl::InvalidArgumentError(
        more.empty() ? fmt::format("{} bytes of values, expected {} of {} for shape {}",
                                   values.size(), expected, header.type, graph::ShapeText(shape))
                     : fmt::format("more values than the {} bytes of shape {}", expected,
                                   graph::ShapeText(shape)));
  }
  if (header.byte_order == '>') {
    for (auto at = values.begin(); at != values.end(); at += static_cast<std::ptrdiff_t>(size)) {
      std::reverse(at, at + static_cast<std::ptrdiff_t>(size));
    }
  }
  if (header.fortran_order && shape.size() > 1) return InRows(values, shape, size);
  return values;
}

}  // namespace

absl::StatusOr<graph::StoredTensors> ReadNpzHeaders(std::string_view bytes) {
  ASSIGN_OR_RETURN(const NpyHeaders headers, ReadHeaders(bytes));
  return Stored(headers);
}

absl::StatusOr<std::vector<graph::TensorValue>> TensorsFromNpz(const graph::Graph& graph,
                                                               std::string_view bytes) {
  ASSIGN_OR_RETURN(const NpyHeaders headers, ReadHeaders(bytes));
  const graph::StoredTensors stored = Stored(headers);
  std::vector<std::string> problems;
  const std::vector<std::string> names = graph::MatchTensors(graph, stored, kNpzTypes, problems);
  if (!problems.empty()) return graph::AllProblems(kNpz, problems);

  std::vector<graph::TensorValue> values;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const graph::TensorInfo& tensor = graph.tensors()[i];
    values.push_back(tensor.is_int64 ? graph::NoBatches(tensor)
                                     : graph::TensorValue{.name = tensor.name});
    if (!names[i].empty()) places[names[i] + std::string(kNpySuffix)] = i;
  }
  ASSIGN_OR_RETURN(ZipReader zip, ZipReader::Open(bytes));
  while (true) {
    absl::StatusOr<std::optional<std::string>> entry = zip.Next();
    if (!entry.ok()) return NpzError(std::string(entry.status().message()));
    if (!*entry) break;
    const auto found = places.find(**entry);
    if (found == places.end()) continue;
    const std::size_t place = found->second;
    const graph::TensorInfo& tensor = graph.tensors()[place];
    const absl::StatusOr<std::string> array = ReadArray(zip, headers.at(names[place]));
    if (!array.ok()) {
      if (!graph::IsFull(problems)) {
        problems.push_back(
            fmt::format("{}: {}", Quoted(tensor.name), std::string(array.status().message())));
      }
      continue;
    }
    values[place] = graph::ReadTensor(tensor, stored.at(names[place]).type, *array, problems);
  }
  if (!problems.empty()) return graph::AllProblems(kNpz, problems);
  return values;
}

}  // namespace bitsweep::exchange
