// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_CREDENTIALS_H_
#define BITSWEEP_SERVER_APP_CREDENTIALS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/app/server_options.h"
#include "server/rpc/access_control.h"

namespace grpc {
class ServerCredentials;
}  // namespace grpc

namespace bitsweep::server {

// How the server speaks: plain, TLS, or TLS with certificates of clients. Reads the files once.
// InvalidArgument that names option and file: one that cannot be read, that is no PEM, a key that
// is not the certificate's, a certificate whose time is over.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ServerOptions& options, absl::Time now);

// What --tokens and --token-file say. InvalidArgument: no SCOPE=FILE, an unknown scope, a file that
// cannot be read or whose token is not one line of 16 to 512 visible characters.
absl::StatusOr<rpc::AccessOptions> MakeAccessOptions(const ServerOptions& options);

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_CREDENTIALS_H_
