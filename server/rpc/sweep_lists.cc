// SPDX-License-Identifier: Apache-2.0
// The lists of SweepService: sweeps, configurations, trials.
#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/rpc/list_query.h"
#include "server/rpc/status_map.h"
#include "server/rpc/sweep_convert.h"
#include "server/rpc/sweep_service.h"

namespace bitsweep::rpc {
namespace {

struct Metric {
  std::string_view name;
  bool more_is_better;
};
constexpr std::array kObjectives = {Metric{"val_acc", true},
                                    Metric{"val_loss", false},
                                    Metric{"val_loss_batch_mean", false},
                                    Metric{"best_val_acc", true},
                                    Metric{"train_acc_last_step", true},
                                    Metric{"seconds", false}};

// The order in which the best comes first.
absl::StatusOr<store::PageQuery> BestFirst(const v1::ListOptimalConfigurationsRequest& request) {
  const std::string name =
      request.objective().metric().empty() ? "val_acc" : request.objective().metric();
  std::string known;
  for (const Metric& metric : kObjectives) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", metric.name);
    if (metric.name != name) continue;
    store::PageQuery query{.order_field = name};
    bool maximize = metric.more_is_better;
    if (request.objective().goal() == v1::Objective::GOAL_MAXIMIZE) maximize = true;
    if (request.objective().goal() == v1::Objective::GOAL_MINIMIZE) maximize = false;
    query.direction = maximize ? store::Direction::kDescending : store::Direction::kAscending;
    query.limit = request.limit() == 0 ? 1 : std::min<std::int64_t>(request.limit(), kMaxPageSize);
    return query;
  }
  return InvalidSpecError(
      {{"objective.metric", fmt::format("no metric \"{}\": expected one of {}", name, known)}});
}

// Of a page with epochs, all of which are read before the page is cut to its bytes.
constexpr std::int64_t kMaxFullTrials = 100;

absl::StatusOr<store::TrialDetail> DetailOf(v1::TrialView view) {
  switch (view) {
    case v1::TRIAL_VIEW_UNSPECIFIED:
    case v1::TRIAL_VIEW_BASIC:
      return store::TrialDetail::kBasic;
    case v1::TRIAL_VIEW_FULL:
      return store::TrialDetail::kFull;
    default:
      return InvalidSpecError({{"view", fmt::format("unknown value {}", static_cast<int>(view))}});
  }
}

}  // namespace

grpc::Status SweepServiceImpl::ListSweeps(grpc::ServerContext* context,
                                          const v1::ListSweepsRequest* request,
                                          v1::ListSweepsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    const ListRequest list{.method = "ListSweeps",
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .filter = request->filter()};
    ASSIGN_OR_RETURN(const store::PageQuery query, ToPageQuery(list, Listed::kSweeps));
    ASSIGN_OR_RETURN(const std::optional<store::Cursor> next,
                     FillPage(
                         query, [&](const auto& page) { return store_.ListSweeps(page); },
                         [&](const store::SweepRecord& sweep, v1::Sweep& message) {
                           message = WithEta(sweep);
                           return absl::OkStatus();
                         },
                         *response->mutable_sweeps()));
    response->set_next_page_token(NextToken(next, list));
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::ListConfigurations(grpc::ServerContext* context,
                                                  const v1::ListConfigurationsRequest* request,
                                                  v1::ListConfigurationsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->parent()));
    const ListRequest list{.method = "ListConfigurations",
                           .parent = request->parent(),
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .order_by = request->order_by()};
    ASSIGN_OR_RETURN(const store::PageQuery query, ToPageQuery(list, Listed::kTrials));
    ASSIGN_OR_RETURN(const store::Page<store::ConfigurationRecord> page,
                     store_.ListConfigurations(id, query));
    for (const store::ConfigurationRecord& configuration : page.items) {
      *response->add_configurations() = ToProto(id, configuration);
    }
    response->set_next_page_token(NextToken(page.next, list));
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::ListOptimalConfigurations(
    grpc::ServerContext* context, const v1::ListOptimalConfigurationsRequest* request,
    v1::ListOptimalConfigurationsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->parent()));
    if (request->limit() < 0) {
      return InvalidSpecError(
          {{"limit", fmt::format("{}: expected 0 (for 1) or more", request->limit())}});
    }
    ASSIGN_OR_RETURN(const store::PageQuery query, BestFirst(*request));
    ASSIGN_OR_RETURN(const store::Page<store::ConfigurationRecord> page,
                     store_.ListConfigurations(id, query));
    for (const store::ConfigurationRecord& configuration : page.items) {
      if (configuration.val_acc.n > 0) *response->add_configurations() = ToProto(id, configuration);
    }
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::GetTrial(grpc::ServerContext* context,
                                        const v1::GetTrialRequest* request,
                                        v1::GetTrialResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const TrialName name, ParseTrialName(request->name()));
    ASSIGN_OR_RETURN(const store::TrialRecord trial, store_.GetTrial(name.sweep_id, name.number));
    *response->mutable_trial() = ToProto(trial);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::ListTrials(grpc::ServerContext* context,
                                          const v1::ListTrialsRequest* request,
                                          v1::ListTrialsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->parent()));
    const ListRequest list{.method = "ListTrials",
                           .parent = request->parent(),
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .filter = request->filter(),
                           .order_by = request->order_by()};
    ASSIGN_OR_RETURN(store::PageQuery query, ToPageQuery(list, Listed::kTrials));
    ASSIGN_OR_RETURN(const store::TrialDetail detail, DetailOf(request->view()));
    if (detail == store::TrialDetail::kFull) query.limit = std::min(query.limit, kMaxFullTrials);
    ASSIGN_OR_RETURN(
        const std::optional<store::Cursor> next,
        FillPage(
            query, [&](const auto& page) { return store_.ListTrials(id, page, detail); },
            [](const store::TrialRecord& trial, v1::Trial& message) {
              message = ToProto(trial);
              return absl::OkStatus();
            },
            *response->mutable_trials()));
    response->set_next_page_token(NextToken(next, list));
    return absl::OkStatus();
  }());
}

}  // namespace bitsweep::rpc
