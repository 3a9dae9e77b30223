// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <system_error>

#include "CLI/CLI.hpp"
#include "client/api/spec_text.h"
#include "client/api/upload.h"
#include "client/api/whole_file.h"
#include "client/cmd/command.h"
#include "client/exchange/import.h"
#include "client/output/error_report.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/graph/graph_json.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

struct ModelImportOptions {
  std::string file;
  std::string builtin;
  std::string graph;
  std::string id;
  std::string display_name;
};

// The network that the options name. InvalidArgument: a file that is no graph.
absl::StatusOr<exchange::ImportSource> SourceOfOptions(const ModelImportOptions& options) {
  exchange::ImportSource source{.builtin = options.builtin, .graph = std::nullopt};
  if (options.graph.empty()) return source;
  ASSIGN_OR_RETURN(const SpecText text, ReadSpecText(options.graph));
  ASSIGN_OR_RETURN(const SpecJson json, ParseSpecText(text.text, text.name));
  absl::StatusOr<graph::Graph> graph = graph::FromJson(
      json.dump(-1, ' ', /*ensure_ascii=*/false, SpecJson::error_handler_t::replace));
  if (!graph.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", text.name, std::string(graph.status().message())));
  }
  source.graph = *std::move(graph);
  return source;
}

absl::StatusOr<exchange::ImportedModel> ReadFile(const std::string& file,
                                                 const exchange::ImportSource& source) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    return absl::InvalidArgumentError(fmt::format("{}: is a folder, expected a file", file));
  }
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > exchange::kMaxImportBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} bytes: expected at most {}", file, size, exchange::kMaxImportBytes));
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(file));
  absl::StatusOr<exchange::ImportedModel> model = exchange::ReadModelFile(bytes, source);
  if (model.ok()) return model;
  return absl::Status(model.status().code(),
                      fmt::format("{}: {}", file, std::string(model.status().message())));
}

absl::Status Import(Context& context, const ModelImportOptions& options, int& code) {
  code = kExitUsage;  // until the options are right
  ASSIGN_OR_RETURN(const exchange::ImportSource source, SourceOfOptions(options));
  code = kExitOk;
  ASSIGN_OR_RETURN(const exchange::ImportedModel imported, ReadFile(options.file, source));
  for (const std::string& note : imported.notes) {
    *context.err << fmt::format("{}: {}\n", options.file, note);
  }
  v1::ImportModelRequest request;
  // So that trying again after a lost answer cannot store it twice.
  request.set_model_id(options.id.empty() ? GenerateResourceId("model") : options.id);
  request.set_display_name(options.display_name);
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(*request.mutable_artifact(),
                   UploadArtifact(connection, imported.checkpoint, options.file));
  v1::ImportModelResponse response;
  RETURN_IF_ERROR(connection.Call(connection.models(), &v1::ModelService::Stub::ImportModel,
                                  request, &response));
  const v1::Model& model = response.model();
  if (context.json) {
    context.PrintJson(model);
  } else {
    *context.out << fmt::format("{}: {}, {} parameters, {} bytes\n", model.name(),
                                model.graph_name(), model.parameter_count(), model.size_bytes());
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterModelImport(CLI::App& model, Command& chosen) {
  CLI::App* command = model.add_subcommand(
      "import", "Store a model: a checkpoint, ONNX, or tensors with --builtin or --graph");
  const auto options = std::make_shared<ModelImportOptions>();
  command
      ->add_option("FILE", options->file,
                   "A checkpoint, safetensors, npz or ONNX file; its bytes tell which")
      ->required();
  CLI::Option* builtin =
      command->add_option("--builtin", options->builtin, "The built-in network of the tensors");
  command->add_option("--graph", options->graph, "The tensors' graph as JSON (docs/graph_ir.md)")
      ->type_name("FILE")
      ->excludes(builtin);
  command->add_option("--id", options->id, "Id to give it (default: a new one)");
  command->add_option("--name", options->display_name, "A name for people");
  command->callback([options, &chosen] {
    chosen = [options](Context& c) {
      int code = kExitOk;
      const absl::Status status = Import(c, *options, code);
      if (status.ok()) return kExitOk;
      const int failed = c.Fail(status);
      return code == kExitOk ? failed : code;
    };
  });
}

}  // namespace bitsweep::client
