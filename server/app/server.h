// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_SERVER_H_
#define BITSWEEP_SERVER_APP_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "server/app/server_options.h"

namespace bitsweep::server {

// The whole server: store, scheduler, services, metrics, upkeep. The one place where they are put
// together.
//
// Life-cycle: Start serves; Stop answers NOT_SERVING, refuses new work, lets calls under way end
// for at most the grace, and closes the store. The destructor stops.
class Server {
 public:
  // `clock` must outlive it. Errors say what could not be opened or listened on.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void Stop();
  int grpc_port() const;
  int metrics_port() const;  // 0 when off

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_SERVER_H_
