// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_CMD_COMMAND_H_
#define BITSWEEP_CLIENT_CMD_COMMAND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/api/connection.h"
#include "client/output/table.h"
#include "core/options/server_access.h"
#include "google/protobuf/message.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::client {

// What every command has: the global options and where it writes.
struct Context {
  std::string server = "127.0.0.1:50051";
  options::ServerAccess access;
  absl::Duration timeout = absl::Seconds(30);
  bool timeout_given = false;
  bool json = false;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int width = 80;

  // REQUIRES: OpenChannel was OK.
  Connection Connect() const { return Connection(server, timeout, channel_); }
  // InvalidArgument for options of `access` that do not do.
  absl::Status OpenChannel();
  // Prints the message as JSON (protobuf's, camelCase).
  void PrintJson(const google::protobuf::Message& message) const;
  // Several as members of one object.
  void PrintJson(
      const std::vector<std::pair<std::string, const google::protobuf::Message*>>& members) const;
  // The same on one line: for streams of messages.
  void PrintJsonLine(const google::protobuf::Message& message) const;
  // Prints a table: `format` if given ("table", "csv", ...), else JSON with --json, else aligned on
  // a terminal and TSV elsewhere.
  absl::Status PrintTable(const Table& table, const std::string& format = "") const;
  // The error on `err`; returns its exit code.
  int Fail(const absl::Status& status) const;

  bool needs_server = true;  // else nothing is opened before the command runs

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

// What main runs once the arguments are parsed: returns the exit code.
using Command = std::function<int(Context&)>;
// Opens the channel and runs it: what main does.
int RunCommand(const Command& chosen, Context& context);

// Each adds its verbs to `app`; when one is chosen, parsing sets `chosen`. The variables behind the
// options live as long as the app's callbacks.
void RegisterSweepSubmit(CLI::App& sweep, Command& chosen);
void RegisterSweepWatch(CLI::App& sweep, Command& chosen);
void RegisterSweepResults(CLI::App& sweep, Command& chosen);
void RegisterSweepExport(CLI::App& sweep, Command& chosen);
void RegisterSweepQueries(CLI::App& sweep, Command& chosen);  // list, show, trials
void RegisterSweepChanges(CLI::App& sweep, Command& chosen);  // pause, resume, cancel, ...
void RegisterTrial(CLI::App& app, Command& chosen);
void RegisterTransformSubmit(CLI::App& transform, Command& chosen);
void RegisterTransformWatch(CLI::App& transform, Command& chosen);
void RegisterTransformResults(CLI::App& transform, Command& chosen);
void RegisterTransformList(CLI::App& transform, Command& chosen);
void RegisterTransformShow(CLI::App& transform, Command& chosen);
void RegisterTransformChanges(CLI::App& transform, Command& chosen);  // cancel, delete
void RegisterPass(CLI::App& app, Command& chosen);
void RegisterModel(CLI::App& app, Command& chosen);
void RegisterModelImport(CLI::App& model, Command& chosen);
void RegisterModelExport(CLI::App& model, Command& chosen);
void RegisterReport(CLI::App& app, Command& chosen);
void RegisterWorker(CLI::App& app, Command& chosen);
void RegisterServer(CLI::App& app, Command& chosen);
void RegisterServerBackup(CLI::App& server, Command& chosen);
void RegisterToken(CLI::App& app, Command& chosen);
void RegisterCompletion(CLI::App& app, Context& context, Command& chosen);

// After all of its verbs are there: `group` without one of them is an error that lists them.
void RequireVerb(CLI::App& group);

// All of it, with the global options of `context`.
void RegisterAll(CLI::App& app, Context& context, Command& chosen);

// Shared by commands. Follows the sweep until it ends: progress on `err`. Returns an exit code.
int WatchSweep(Context& context, const std::string& name);
// Prints the results of a sweep, one row a configuration.
absl::Status PrintResults(Context& context, const std::string& name, const std::string& sort,
                          const std::string& format);
// The same for transforms; results are one row a job.
int WatchTransform(Context& context, const std::string& name);
absl::Status PrintTransformResults(Context& context, const std::string& name,
                                   const std::string& sort, const std::string& format);

// "lab-1" and "sweeps/lab-1" -> "sweeps/lab-1"; likewise for models and workers.
std::string FullName(const std::string& collection, const std::string& name);
// "STATE_RUNNING" -> "RUNNING", "FAILURE_REASON_NAN_LOSS" -> "NAN_LOSS".
std::string ShortEnum(const std::string& name, const std::string& prefix);
// "1 trial", "2 trials".
std::string Plural(std::int64_t count, const std::string& thing);
// Jobs that have ended, in whatever way.
std::int64_t Ended(const v1::TrialCounts& counts);
// "NAN_LOSS: the loss is not a number"; empty without a reason.
std::string FailureText(v1::FailureReason reason, const std::string& message);
// "2026-01-31 12:05:09" UTC; empty when unset.
std::string FormatTime(const google::protobuf::Timestamp& time);
// The last part of "sweeps/lab-1/trials/7": "7".
std::string LastPart(const std::string& name);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_COMMAND_H_
