// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/status_map.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "fmt/format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/convert/trial.h"

namespace bitsweep::rpc {
namespace {

constexpr char kDomain[] = "bitsweep";

// A status travels in trailers, of which many clients accept 8 KiB: an error that does not fit
// would arrive as another one. Message and details together stay below that.
constexpr std::size_t kMaxStatusMessage = 700;
constexpr std::size_t kMaxDescription = 300;
constexpr std::size_t kMaxValue = 200;
constexpr std::size_t kMaxViolations = 2000;  // bytes of all of them

google::rpc::BadRequest ToBadRequest(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < violations.size(); ++i) {
    google::rpc::BadRequest::FieldViolation entry;
    entry.set_field(ToValidUtf8(violations[i].field, kMaxValue));
    entry.set_description(ToValidUtf8(violations[i].description, kMaxDescription));
    bytes += entry.ByteSizeLong();
    if (bytes > kMaxViolations) {
      entry.set_field("");
      entry.set_description(fmt::format("{} further problems", violations.size() - i));
      *bad.add_field_violations() = std::move(entry);
      break;
    }
    *bad.add_field_violations() = std::move(entry);
  }
  return bad;
}

std::string_view AsView(absl::string_view text) { return {text.data(), text.size()}; }

google::rpc::Status Details(const absl::Status& status, const ErrorDetails& details) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(ToValidUtf8(AsView(status.message()), kMaxStatusMessage));
  const std::string description = ToValidUtf8(AsView(status.message()), kMaxDescription);

  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(details.reason.empty() ? absl::StatusCodeToString(status.code())
                                         : details.reason);
  for (const auto& [key, value] : details.metadata) {
    (*info.mutable_metadata())[key] = ToValidUtf8(value, kMaxValue);
  }
  proto.add_details()->PackFrom(info);

  if (!details.violations.empty()) {
    proto.add_details()->PackFrom(ToBadRequest(details.violations));
  }
  if (!details.resource_name.empty()) {
    google::rpc::ResourceInfo resource;
    resource.set_resource_type(details.resource_type);
    resource.set_resource_name(ToValidUtf8(details.resource_name, kMaxValue));
    resource.set_description(description);
    proto.add_details()->PackFrom(resource);
  }
  if (absl::IsFailedPrecondition(status)) {
    google::rpc::PreconditionFailure failure;
    google::rpc::PreconditionFailure::Violation* violation = failure.add_violations();
    violation->set_type(info.reason());
    const auto name = details.metadata.find("name");
    if (name != details.metadata.end())
      violation->set_subject(ToValidUtf8(name->second, kMaxValue));
    violation->set_description(description);
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
  return {static_cast<grpc::StatusCode>(status.code()), proto.message(), proto.SerializeAsString()};
}

}  // namespace bitsweep::rpc
