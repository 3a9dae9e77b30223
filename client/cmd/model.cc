// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "CLI/CLI.hpp"
#include "client/api/fetch.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct ModelOptions {
  std::string model;
  std::string filter;
  std::string output;
};

// The trial or the transform's job; empty for an imported model.
std::string SourceOf(const v1::Model& model) {
  return model.source_trial().empty() ? model.source_job() : model.source_trial();
}

absl::Status ListModels(Context& context, const ModelOptions& options) {
  const Connection connection = context.Connect();
  v1::ListModelsRequest request;
  request.set_filter(options.filter);
  request.set_page_size(1000);
  v1::ListModelsResponse all;
  do {
    v1::ListModelsResponse page;
    RETURN_IF_ERROR(
        connection.Call(connection.models(), &v1::ModelService::Stub::ListModels, request, &page));
    all.mutable_models()->MergeFrom(page.models());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{.columns = {{"model"},
                          {"graph"},
                          {"parameters"},
                          {"val_acc", Precision::kFraction},
                          {"bytes"},
                          {"created"},
                          {"source"}}};
  for (const v1::Model& m : all.models()) {
    table.rows.push_back({LastPart(m.name()), m.graph_name(), std::int64_t{m.parameter_count()},
                          m.has_val_acc() ? Cell(m.val_acc()) : Cell(),
                          std::int64_t{m.size_bytes()}, FormatTime(m.create_time()), SourceOf(m)});
  }
  return context.PrintTable(table);
}

absl::Status ShowModel(Context& context, const ModelOptions& options) {
  ASSIGN_OR_RETURN(const v1::Model model,
                   GetModel(context.Connect(), FullName("models", options.model)));
  if (context.json) {
    context.PrintJson(model);
    return absl::OkStatus();
  }
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) *context.out << fmt::format("{:<14}{}\n", what, value);
  };
  line("model", model.name());
  line("display name", model.display_name());
  line("graph", fmt::format("{}, {} parameters", model.graph_name(), model.parameter_count()));
  if (model.has_val_acc()) line("val_acc", fmt::format("{:.4f}", model.val_acc()));
  line("made by", SourceOf(model));
  line("made from", model.parent_model());
  line("artifact", fmt::format("{}, {} bytes", model.artifact(), model.size_bytes()));
  line("created", FormatTime(model.create_time()));
  *context.out << "\n";
  Table table{.columns = {{"tensor"}, {"shape"}, {"dtype"}, {"trained"}}};
  for (const v1::TensorInfo& tensor : model.tensors()) {
    std::string shape;
    for (const std::int64_t size : tensor.shape()) {
      shape += fmt::format("{}{}", shape.empty() ? "" : " x ", size);
    }
    table.rows.push_back(
        {tensor.name(), shape, tensor.dtype(), std::string(tensor.trainable() ? "yes" : "no")});
  }
  return context.PrintTable(table);
}

absl::Status Download(Context& context, const ModelOptions& options) {
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(const v1::Model model, GetModel(connection, FullName("models", options.model)));
  const std::string file =
      options.output.empty() ? LastPart(model.name()) + ".bsck" : options.output;
  RETURN_IF_ERROR(FetchArtifact(connection, model.artifact(), file));
  if (context.json) {
    context.PrintJson(model);
  } else {
    *context.out << fmt::format("{}: {} bytes\n", file, model.size_bytes());
  }
  return absl::OkStatus();
}

Command RunAction(absl::Status (*action)(Context&, const ModelOptions&),
                  const std::shared_ptr<ModelOptions>& options) {
  return [action, options](Context& context) {
    const absl::Status status = action(context, *options);
    return status.ok() ? kExitOk : context.Fail(status);
  };
}

}  // namespace

void RegisterModel(CLI::App& app, Command& chosen) {
  CLI::App* model = app.add_subcommand("model", "Stored networks");
  const auto options = std::make_shared<ModelOptions>();
  CLI::App* list = model->add_subcommand("list", "Models, newest first");
  list->add_option("--filter", options->filter, "For example 'sweep = \"sweeps/lab-1\"'");
  list->callback([=, &chosen] { chosen = RunAction(ListModels, options); });
  CLI::App* show = model->add_subcommand("show", "One model and its tensors");
  show->add_option("MODEL", options->model, "Id of the model")->required();
  show->callback([=, &chosen] { chosen = RunAction(ShowModel, options); });
  CLI::App* download = model->add_subcommand("download", "Save a model's checkpoint");
  download->add_option("MODEL", options->model, "Id of the model")->required();
  download->add_option("-o,--output", options->output, "File (default: MODEL.bsck)")
      ->type_name("FILE");
  download->callback([=, &chosen] { chosen = RunAction(Download, options); });
  RegisterModelImport(*model, chosen);
  RegisterModelExport(*model, chosen);
  RequireVerb(*model);
}

}  // namespace bitsweep::client
