// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/file_kind.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "client/exchange/zip_file.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPickleAdvice =
    "it holds pickled Python, which may be a program and is never read; load it in PyTorch and "
    "save "
    "its tensors: safetensors.torch.save_file(model.state_dict(), \"model.safetensors\"), or "
    "numpy.savez(\"model.npz\", **{k: v.numpy() for k, v in model.state_dict().items()})";
constexpr std::string_view kKerasAdvice =
    "a file of Keras or HDF5: save its arrays with numpy.savez, or the network with tf2onnx";

absl::Status BadKind(std::string_view what) {
  return absl::InvalidArgumentError(std::string(what));
}

// A zip file is an npz unless its entries are those of another tool.
absl::StatusOr<FileKind> KindOfZip(std::string_view bytes) {
  absl::StatusOr<ZipReader> zip = ZipReader::Open(bytes);
  if (!zip.ok()) return zip.status();
  while (true) {
    const absl::StatusOr<std::optional<std::string>> entry = zip->Next();
    if (!entry.ok() || !*entry) return FileKind::kNpz;  // whose reader says what is wrong
    const std::string& name = **entry;
    if (name.ends_with("/data.pkl") || name == "data.pkl") {
      return BadKind(fmt::format("a file of torch.save: {}", kPickleAdvice));
    }
    if (name.ends_with(".h5")) return BadKind(kKerasAdvice);
  }
}

// The length of a header, then its brace.
bool LooksLikeSafetensors(std::string_view bytes) {
  if (bytes.size() < 9 || (bytes[8] != '{' && bytes[8] != ' ')) return false;
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    header_bytes |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  return header_bytes >= 2 && header_bytes <= bytes.size() - 8;
}

}  // namespace

absl::StatusOr<FileKind> KindOfFile(std::string_view bytes) {
  if (bytes.starts_with("BSCK")) return FileKind::kCheckpoint;
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return KindOfZip(bytes);
  if (LooksLikeSafetensors(bytes)) return FileKind::kSafetensors;
  if (bytes.starts_with("\x93NUMPY")) {
    return BadKind("one array of NumPy: save all of them in one file with numpy.savez");
  }
  if (bytes.starts_with("\x89HDF\r\n"sv)) return BadKind(kKerasAdvice);
  // Protocols 2 to 5 of pickle begin with 0x80 and their number.
  if (bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) {
    return BadKind(fmt::format("a pickle, as older torch.save writes it: {}", kPickleAdvice));
  }
  // ONNX has no magic; all of its writers put the field ir_version, 1, first.
  if (bytes.starts_with('\x08')) return FileKind::kOnnx;
  return BadKind(
      "neither a checkpoint nor safetensors, npz or ONNX: expected a file of one of these kinds");
}

}  // namespace bitsweep::exchange
