// SPDX-License-Identifier: Apache-2.0
#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

absl::Status ListWorkers(Context& context) {
  const Connection connection = context.Connect();
  v1::ListWorkersRequest request;
  request.set_page_size(1000);
  v1::ListWorkersResponse all;
  do {
    v1::ListWorkersResponse page;
    RETURN_IF_ERROR(
        connection.Call(connection.admin(), &v1::AdminService::Stub::ListWorkers, request, &page));
    all.mutable_workers()->MergeFrom(page.workers());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{.columns = {{"worker"},
                          {"state"},
                          {"busy"},
                          {"slots"},
                          {"leases"},
                          {"completed"},
                          {"failed"},
                          {"last_seen"},
                          {"host"},
                          {"version"}}};
  for (const v1::Worker& w : all.workers()) {
    table.rows.push_back(
        {LastPart(w.name()), ShortEnum(v1::Worker::State_Name(w.state()), "STATE_"),
         std::int64_t{w.busy_slots()}, std::int64_t{w.slots()}, std::int64_t{w.leases()},
         std::int64_t{w.completed()}, std::int64_t{w.failed()}, FormatTime(w.last_seen_time()),
         w.host(), w.version()});
  }
  return context.PrintTable(table);
}

}  // namespace

void RegisterWorker(CLI::App& app, Command& chosen) {
  CLI::App* worker = app.add_subcommand("worker", "The processes that train");
  CLI::App* list = worker->add_subcommand("list", "Workers, by name");
  list->callback([&chosen] {
    chosen = [](Context& context) {
      const absl::Status status = ListWorkers(context);
      return status.ok() ? kExitOk : context.Fail(status);
    };
  });
  RequireVerb(*worker);
}

}  // namespace bitsweep::client
