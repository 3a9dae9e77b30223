// SPDX-License-Identifier: Apache-2.0
#include "client/api/sweep_data.h"

#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

constexpr int kPage = 1000;

// The answer to a request that holds nothing but a name.
template <typename Request, typename Response, typename Stub, typename Method>
absl::StatusOr<Response> GetByName(const Connection& connection, Stub& stub, Method method,
                                   const std::string& name) {
  Request request;
  request.set_name(name);
  Response response;
  RETURN_IF_ERROR(connection.Call(stub, method, request, &response));
  return response;
}

// Calls `use(page)` for each page of a list.
template <typename Response, typename Request, typename Stub, typename Method, typename Use>
absl::Status ForEachPage(const Connection& connection, Stub& stub, Method method, Request request,
                         const Use& use) {
  request.set_page_size(kPage);
  do {
    Response page;
    RETURN_IF_ERROR(connection.Call(stub, method, request, &page));
    RETURN_IF_ERROR(use(page));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Sweep> GetSweep(const Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(const auto response,
                   (GetByName<v1::GetSweepRequest, v1::GetSweepResponse>(
                       connection, connection.sweeps(), &v1::SweepService::Stub::GetSweep, name)));
  return response.sweep();
}

absl::StatusOr<std::vector<v1::Configuration>> ListConfigurations(const Connection& connection,
                                                                  const std::string& name) {
  std::vector<v1::Configuration> all;
  RETURN_IF_ERROR(ForEachConfiguration(connection, name, [&](const v1::Configuration& one) {
    all.push_back(one);
    return absl::OkStatus();
  }));
  return all;
}

absl::Status ForEachConfiguration(
    const Connection& connection, const std::string& name,
    const std::function<absl::Status(const v1::Configuration&)>& use) {
  v1::ListConfigurationsRequest request;
  request.set_parent(name);
  return ForEachPage<v1::ListConfigurationsResponse>(
      connection, connection.sweeps(), &v1::SweepService::Stub::ListConfigurations, request,
      [&](const v1::ListConfigurationsResponse& page) -> absl::Status {
        for (const v1::Configuration& one : page.configurations()) RETURN_IF_ERROR(use(one));
        return absl::OkStatus();
      });
}

absl::Status ForEachTrial(const Connection& connection, const std::string& name, v1::TrialView view,
                          const std::function<absl::Status(const v1::Trial&)>& use) {
  return ForEachTrialThat(connection, name, "", view, use);
}

absl::Status ForEachTrialThat(const Connection& connection, const std::string& name,
                              const std::string& filter, v1::TrialView view,
                              const std::function<absl::Status(const v1::Trial&)>& use) {
  v1::ListTrialsRequest request;
  request.set_parent(name);
  request.set_filter(filter);
  request.set_view(view);
  return ForEachPage<v1::ListTrialsResponse>(
      connection, connection.sweeps(), &v1::SweepService::Stub::ListTrials, request,
      [&](const v1::ListTrialsResponse& page) -> absl::Status {
        for (const v1::Trial& trial : page.trials()) RETURN_IF_ERROR(use(trial));
        return absl::OkStatus();
      });
}

absl::StatusOr<v1::Transform> GetTransform(const Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(
      const auto response,
      (GetByName<v1::GetTransformRequest, v1::GetTransformResponse>(
          connection, connection.transforms(), &v1::TransformService::Stub::GetTransform, name)));
  return response.transform();
}

absl::StatusOr<std::vector<v1::TransformJob>> ListTransformJobs(const Connection& connection,
                                                                const std::string& name) {
  v1::ListTransformJobsRequest request;
  request.set_parent(name);
  std::vector<v1::TransformJob> all;
  RETURN_IF_ERROR(ForEachPage<v1::ListTransformJobsResponse>(
      connection, connection.transforms(), &v1::TransformService::Stub::ListTransformJobs, request,
      [&](const v1::ListTransformJobsResponse& page) {
        all.insert(all.end(), page.jobs().begin(), page.jobs().end());
        return absl::OkStatus();
      }));
  return all;
}

absl::StatusOr<v1::TransformJob> GetTransformJob(const Connection& connection,
                                                 const std::string& name) {
  ASSIGN_OR_RETURN(const auto response,
                   (GetByName<v1::GetTransformJobRequest, v1::GetTransformJobResponse>(
                       connection, connection.transforms(),
                       &v1::TransformService::Stub::GetTransformJob, name)));
  return response.job();
}

absl::StatusOr<v1::Model> GetModel(const Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(const auto response,
                   (GetByName<v1::GetModelRequest, v1::GetModelResponse>(
                       connection, connection.models(), &v1::ModelService::Stub::GetModel, name)));
  return response.model();
}

}  // namespace bitsweep::client
