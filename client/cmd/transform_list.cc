// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

struct TransformListOptions {
  std::string filter;
  std::int64_t limit = 0;  // 0: all
};

absl::Status ListTransforms(Context& context, const TransformListOptions& options) {
  const Connection connection = context.Connect();
  v1::ListTransformsRequest request;
  request.set_filter(options.filter);
  request.set_page_size(
      options.limit == 0 ? 1000
                         : static_cast<std::int32_t>(std::min<std::int64_t>(options.limit, 1000)));
  v1::ListTransformsResponse all;
  do {
    v1::ListTransformsResponse page;
    RETURN_IF_ERROR(connection.Call(connection.transforms(),
                                    &v1::TransformService::Stub::ListTransforms, request, &page));
    all.mutable_transforms()->MergeFrom(page.transforms());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() &&
           (options.limit == 0 || all.transforms_size() < options.limit));
  if (options.limit > 0 && all.transforms_size() > options.limit) {
    all.mutable_transforms()->DeleteSubrange(
        static_cast<int>(options.limit), all.transforms_size() - static_cast<int>(options.limit));
  }
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{
      .columns = {{"transform"}, {"state"}, {"ended"}, {"jobs"}, {"created"}, {"display_name"}}};
  for (const v1::Transform& transform : all.transforms()) {
    table.rows.push_back({LastPart(transform.name()),
                          ShortEnum(v1::Sweep::State_Name(transform.state()), "STATE_"),
                          Ended(transform.counts()), std::int64_t{transform.job_count()},
                          FormatTime(transform.create_time()), transform.display_name()});
  }
  return context.PrintTable(table);
}

}  // namespace

void RegisterTransformList(CLI::App& transform, Command& chosen) {
  CLI::App* list = transform.add_subcommand("list", "Transforms, newest first");
  const auto options = std::make_shared<TransformListOptions>();
  list->add_option("--filter", options->filter, "For example 'state = RUNNING' (docs/api.md)");
  list->add_option("--limit", options->limit, "At most this many (default: all)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  list->callback([options, &chosen] {
    chosen = [options](Context& c) {
      const absl::Status status = ListTransforms(c, *options);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
