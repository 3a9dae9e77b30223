// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/status_map.h"

#include <string>

#include "core/base/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/convert/trial.h"

namespace bitsweep::rpc {
namespace {

constexpr char kDomain[] = "bitsweep";

google::rpc::Status Details(const absl::Status& status, const ErrorDetails& details) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(std::string(status.message()));

  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(details.reason.empty() ? absl::StatusCodeToString(status.code())
                                         : details.reason);
  info.mutable_metadata()->insert(details.metadata.begin(), details.metadata.end());
  proto.add_details()->PackFrom(info);

  if (!details.violations.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& violation : details.violations) {
      google::rpc::BadRequest::FieldViolation* entry = bad.add_field_violations();
      entry->set_field(violation.field);
      entry->set_description(violation.description);
    }
    proto.add_details()->PackFrom(bad);
  }
  if (!details.resource_name.empty()) {
    google::rpc::ResourceInfo resource;
    resource.set_resource_type(details.resource_type);
    resource.set_resource_name(details.resource_name);
    resource.set_description(std::string(status.message()));
    proto.add_details()->PackFrom(resource);
  }
  if (absl::IsFailedPrecondition(status)) {
    google::rpc::PreconditionFailure failure;
    google::rpc::PreconditionFailure::Violation* violation = failure.add_violations();
    violation->set_type(info.reason());
    const auto name = details.metadata.find("name");
    if (name != details.metadata.end()) violation->set_subject(name->second);
    violation->set_description(std::string(status.message()));
    proto.add_details()->PackFrom(failure);
  }
  if (details.retry_after) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = convert::ToProto(*details.retry_after);
    proto.add_details()->PackFrom(retry);
  }
  return proto;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto =
      Details(status, GetErrorDetails(status).value_or(ErrorDetails{}));
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          proto.SerializeAsString()};
}

}  // namespace bitsweep::rpc
