// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "CLI/CLI.hpp"
#include "client/api/spec_checker.h"
#include "client/api/spec_text.h"
#include "client/api/upload.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
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

absl::Status Import(Context& context, const ModelImportOptions& options, int& code) {
  v1::ImportModelRequest request;
  // So that trying again after a lost answer cannot store it twice.
  request.set_model_id(options.id.empty() ? GenerateResourceId("model") : options.id);
  request.set_display_name(options.display_name);
  if (!options.builtin.empty()) request.mutable_source()->set_builtin(options.builtin);
  if (!options.graph.empty()) {
    code = kExitUsage;  // until the file is right
    ASSIGN_OR_RETURN(const SpecText graph, ReadSpecText(options.graph));
    ASSIGN_OR_RETURN(const SpecJson json, ParseSpecText(graph.text, graph.name));
    RETURN_IF_ERROR(FillMessage(json, graph.name, *request.mutable_source()->mutable_graph()));
    code = kExitOk;
  }
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(*request.mutable_artifact(), UploadArtifact(connection, options.file));
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
      "import", "Store a model: a checkpoint, or safetensors with --builtin or --graph");
  const auto options = std::make_shared<ModelImportOptions>();
  command->add_option("FILE", options->file, "Checkpoint (.bsck) or tensors (.safetensors)")
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
