// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "client/api/fetch.h"
#include "client/api/sweep_data.h"
#include "client/api/whole_file.h"
#include "client/cmd/command.h"
#include "client/exchange/export.h"
#include "client/output/error_report.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

namespace fs = std::filesystem;

struct ModelExportOptions {
  std::string model;
  std::string format;
  std::string output;
  bool drop_quantization = false;
};

absl::Status Write(const exchange::ExportFormat& format, const std::string& output,
                   const std::vector<exchange::ExportedFile>& files) {
  if (!format.is_folder) return WriteWholeFile(output, files.front().bytes);
  std::map<std::string, std::string_view> by_name;
  for (const exchange::ExportedFile& file : files) by_name[file.name] = file.bytes;
  return WriteWholeFolder(output, by_name);
}

void PrintWritten(const Context& context, const std::string& model, const std::string& format,
                  const std::string& output, const std::vector<exchange::ExportedFile>& files) {
  nlohmann::ordered_json written = nlohmann::ordered_json::array();
  for (const exchange::ExportedFile& file : files) {
    const std::string path = file.name.empty() ? output : (fs::path(output) / file.name).string();
    if (!context.json) {
      *context.out << fmt::format("{}: {} bytes\n", path, file.bytes.size());
    }
    written.push_back(
        {{"path", path}, {"bytes", file.bytes.size()}, {"sha256", Sha256Hex(file.bytes)}});
  }
  if (!context.json) return;
  const nlohmann::ordered_json all{{"model", model}, {"format", format}, {"files", written}};
  *context.out << all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

absl::Status Export(Context& context, const ModelExportOptions& options) {
  const exchange::ExportFormat* format = exchange::FindExportFormat(options.format);
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(const v1::Model model, GetModel(connection, FullName("models", options.model)));
  ASSIGN_OR_RETURN(const std::string bytes, FetchArtifact(connection, model.artifact()));
  ASSIGN_OR_RETURN(graph::Checkpoint checkpoint, graph::ParseCheckpoint(bytes));
  ASSIGN_OR_RETURN(const std::vector<exchange::ExportedFile> files,
                   format->write({.model = model.name(),
                                  .checkpoint = std::move(checkpoint),
                                  .drop_quantization = options.drop_quantization}));
  const std::string output = options.output.empty()
                                 ? LastPart(model.name()) + std::string(format->extension)
                                 : options.output;
  if (output == "-") {
    *context.out << files.front().bytes << std::flush;
    return context.out->good() ? absl::OkStatus()
                               : absl::NotFoundError("standard output cannot be written");
  }
  RETURN_IF_ERROR(Write(*format, output, files));
  PrintWritten(context, model.name(), options.format, output, files);
  return absl::OkStatus();
}

}  // namespace

void RegisterModelExport(CLI::App& model, Command& chosen) {
  CLI::App* command = model.add_subcommand("export", "Write a model for another tool");
  const auto options = std::make_shared<ModelExportOptions>();
  std::vector<std::string> names;
  std::string explained;
  for (const exchange::ExportFormat& format : exchange::ExportFormats()) {
    names.emplace_back(format.name);
    explained += fmt::format("{}{} ({})", explained.empty() ? "" : ", ", format.name, format.what);
  }
  command->add_option("MODEL", options->model, "Id of the model")->required();
  command->add_option("--format", options->format, explained)
      ->required()
      ->type_name("FORMAT")
      ->check(CLI::IsMember(names));
  command
      ->add_option("-o,--output", options->output,
                   "File, - for standard output, or folder for hls4ml (default: the model's name "
                   "in this folder)")
      ->type_name("PATH");
  command->add_flag("--drop-quantization", options->drop_quantization,
                    "With onnx: write the network of a quantized model without its number formats");
  command->callback([options, &chosen] {
    if (options->drop_quantization && options->format != "onnx") {
      throw CLI::ValidationError("--drop-quantization", "expected only with --format onnx");
    }
    if (options->output == "-" && exchange::FindExportFormat(options->format)->is_folder) {
      throw CLI::ValidationError("--output", "-: expected a folder for " + options->format);
    }
    chosen = [options](Context& context) {
      const absl::Status status = Export(context, *options);
      return status.ok() ? kExitOk : context.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
