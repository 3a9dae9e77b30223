// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/command.h"

#include "CLI/CLI.hpp"
#include "client/output/error_report.h"
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
      ->capture_default_str();
  options::AddDuration(app, "--timeout", context.timeout, absl::Milliseconds(1),
                       "Of one call; of all of it with watch, which has none by itself");
  app.add_flag("--json", context.json, "Print JSON");

  CLI::App* sweep = app.add_subcommand("sweep", "Submit sweeps, follow them, read their results");
  RegisterSweepSubmit(*sweep, chosen);
  RegisterSweepQueries(*sweep, chosen);
  RegisterSweepWatch(*sweep, chosen);
  RegisterSweepResults(*sweep, chosen);
  RegisterSweepChanges(*sweep, chosen);
  RequireVerb(*sweep);
  RegisterTrial(app, chosen);
  RegisterModel(app, chosen);
  RegisterWorker(app, chosen);
  RegisterServer(app, chosen);
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

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

}  // namespace bitsweep::client
