// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/status.h"

#include <utility>

#include "core/base/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/convert/trial.h"

namespace bitsweep::convert {

absl::Status StatusFromCall(int code, const std::string& message, const std::string& details) {
  if (code == 0) return absl::OkStatus();
  ErrorDetails values;
  google::rpc::Status proto;
  if (!proto.ParseFromString(details)) proto.Clear();
  for (const google::protobuf::Any& any : proto.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::ResourceInfo resource;
    if (any.UnpackTo(&info)) {
      values.reason = info.reason();
      values.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        values.violations.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&retry)) {
      values.retry_after = FromProto(retry.retry_delay());
    } else if (any.UnpackTo(&resource)) {
      values.resource_type = resource.resource_type();
      values.resource_name = resource.resource_name();
    }
  }
  return ErrorWithDetails(static_cast<absl::StatusCode>(code), message, values);
}

}  // namespace bitsweep::convert
