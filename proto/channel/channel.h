// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CHANNEL_CHANNEL_H_
#define BITSWEEP_PROTO_CHANNEL_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/options/server_access.h"

namespace grpc {
class Channel;
class ChannelArguments;
}  // namespace grpc

namespace bitsweep::channel {

// The one way in which client and worker reach a server: plain or TLS, and with every call the
// bearer token of `access`, if there is one. Nothing is sent before the first call; the channel is
// thread-safe. A plain connection goes through no HTTP proxy.
//
// A token of a file is read again, at most once per `reread`, so that it can be exchanged while the
// program runs; when the file cannot be read then, the last token is used on. A token given itself
// goes before a file.
//
// InvalidArgument for options that do not go together, for a file that cannot be read, and for a
// token that could not be sent, naming option and file.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Open(const std::string& address,
                                                    const options::ServerAccess& access,
                                                    const grpc::ChannelArguments& arguments,
                                                    absl::Duration reread = absl::Seconds(10));

}  // namespace bitsweep::channel

#endif  // BITSWEEP_PROTO_CHANNEL_CHANNEL_H_
