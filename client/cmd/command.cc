// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/command.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_replace.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"
#include "core/options/value_options.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace bitsweep::client {
namespace {

using google::protobuf::util::JsonPrintOptions;

void Print(const Context& context, const google::protobuf::Message& message,
           const JsonPrintOptions& options, const char* end) {
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) {
    *context.err << "bitsweep: the answer cannot be shown as JSON: " << status.ToString() << "\n";
    return;
  }
  *context.out << text << end << std::flush;
}

}  // namespace

void Context::PrintJson(const google::protobuf::Message& message) const {
  JsonPrintOptions options;
  options.add_whitespace = true;  // ends in a line break
  Print(*this, message, options, "");
}

void Context::PrintJson(
    const std::vector<std::pair<std::string, const google::protobuf::Message*>>& members) const {
  std::string text = "{";
  for (const auto& [name, message] : members) {
    JsonPrintOptions options;
    options.add_whitespace = true;
    std::string member;
    const auto status = google::protobuf::util::MessageToJsonString(*message, &member, options);
    if (!status.ok()) {
      *err << "bitsweep: the answer cannot be shown as JSON: " << status.ToString() << "\n";
      return;
    }
    member.erase(member.find_last_not_of('\n') + 1);
    text += fmt::format("{}\n \"{}\": {}", text.size() > 1 ? "," : "", name,
                        absl::StrReplaceAll(member, {{"\n", "\n "}}));
  }
  *out << text << "\n}\n" << std::flush;
}

void Context::PrintJsonLine(const google::protobuf::Message& message) const {
  Print(*this, message, JsonPrintOptions(), "\n");
}

absl::Status Context::PrintTable(const Table& table, const std::string& format) const {
  Format chosen = json ? Format::kJson : out_is_terminal ? Format::kTable : Format::kTsv;
  if (!format.empty()) {
    const std::optional<Format> parsed = ParseFormat(format);
    if (!parsed) {
      return absl::InvalidArgumentError(
          fmt::format("--format {}: expected table, tsv, csv or json", format));
    }
    chosen = *parsed;
  }
  *out << Render(table, chosen);
  return absl::OkStatus();
}

absl::Status Context::OpenChannel() {
  ASSIGN_OR_RETURN(channel_, client::OpenChannel(server, access));
  return absl::OkStatus();
}

int RunCommand(const Command& chosen, Context& context) {
  const absl::Status status = context.needs_server ? context.OpenChannel() : absl::OkStatus();
  if (!status.ok()) {
    *context.err << fmt::format("bitsweep: {}\n", std::string(status.message()));
    return kExitUsage;
  }
  return chosen(context);
}

int Context::Fail(const absl::Status& status) const {
  *err << ReportError(status, server);
  return ExitCodeOf(status);
}

void RequireVerb(CLI::App& group) {
  // A callback, and not require_subcommand: that would hide which word was wrong.
  group.final_callback([&group] {
    if (!group.get_subcommands().empty()) return;
    std::string verbs;
    for (const CLI::App* verb : group.get_subcommands([](const CLI::App*) { return true; })) {
      verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
    }
    throw CLI::ValidationError(group.get_name(), fmt::format("expected one of {}", verbs));
  });
  group.require_subcommand(0, 1);
}

void RegisterAll(CLI::App& app, Context& context, Command& chosen) {
  app.fallthrough();
  app.add_option("--server", context.server, "Address of the server (also BITSWEEP_SERVER)")
      ->type_name("ADDRESS")
      ->capture_default_str();
  options::AddServerAccess(app, context.access);
  options::AddDuration(app, "--timeout", context.timeout, absl::Milliseconds(1),
                       "Of one call; of all of it with watch, which has none by itself");
  app.add_flag("--json", context.json, "Print JSON");

  CLI::App* sweep = app.add_subcommand("sweep", "Submit sweeps, follow them, read their results");
  RegisterSweepSubmit(*sweep, chosen);
  RegisterSweepQueries(*sweep, chosen);
  RegisterSweepWatch(*sweep, chosen);
  RegisterSweepResults(*sweep, chosen);
  RegisterSweepExport(*sweep, chosen);
  RegisterSweepChanges(*sweep, chosen);
  RequireVerb(*sweep);
  RegisterTrial(app, chosen);
  CLI::App* transform =
      app.add_subcommand("transform", "Analyse, quantize and prune networks, read the results");
  RegisterTransformSubmit(*transform, chosen);
  RegisterTransformList(*transform, chosen);
  RegisterTransformShow(*transform, chosen);
  RegisterTransformWatch(*transform, chosen);
  RegisterTransformResults(*transform, chosen);
  RegisterTransformChanges(*transform, chosen);
  RequireVerb(*transform);
  RegisterPass(app, chosen);
  RegisterModel(app, chosen);
  RegisterReport(app, chosen);
  RegisterWorker(app, chosen);
  RegisterServer(app, chosen);
  RegisterToken(app, chosen);
  RegisterCompletion(app, context, chosen);
  RequireVerb(app);
}

std::string FullName(const std::string& collection, const std::string& name) {
  return name.find('/') == std::string::npos ? collection + "/" + name : name;
}

std::string ShortEnum(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string Plural(std::int64_t count, const std::string& thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::int64_t Ended(const v1::TrialCounts& counts) {
  return counts.succeeded() + counts.failed() + counts.cancelled() + counts.dead();
}

std::string FailureText(v1::FailureReason reason, const std::string& message) {
  if (reason == v1::FAILURE_REASON_UNSPECIFIED) return "";
  return fmt::format("{}: {}", ShortEnum(v1::FailureReason_Name(reason), "FAILURE_REASON_"),
                     message);
}

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

}  // namespace bitsweep::client
