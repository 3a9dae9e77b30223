// SPDX-License-Identifier: Apache-2.0
// What watching a sweep and watching a transform have in common.
#ifndef BITSWEEP_CLIENT_CMD_WATCH_STREAM_H_
#define BITSWEEP_CLIENT_CMD_WATCH_STREAM_H_

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "client/cmd/command.h"
#include "client/output/progress.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace bitsweep::client {

// While it lives, Ctrl-C says that the work goes on: `thing` "sweep", `name` "sweeps/lab-1".
class InterruptNotice {
 public:
  InterruptNotice(const std::string& thing, const std::string& name);
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;

 private:
  void (*previous_)(int);
};

// Reads the stream that `open` begins to its end, each response through `use`. A server that goes
// away is waited for and asked again, until --timeout where that was given: `open` resumes after
// the last response that `use` saw.
template <typename Response>
absl::Status FollowStream(
    const Context& context, ProgressDisplay& display,
    const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>& open,
    const std::function<void(const Response&)>& use) {
  constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
  constexpr absl::Duration kLongestPause = absl::Seconds(3);
  absl::Duration pause = kFirstPause;
  const absl::Time deadline =
      context.timeout_given ? absl::Now() + context.timeout : absl::InfiniteFuture();
  while (true) {
    grpc::ClientContext call;
    if (deadline != absl::InfiniteFuture()) call.set_deadline(absl::ToChronoTime(deadline));
    const auto reader = open(&call);
    Response response;
    while (reader->Read(&response)) {
      pause = kFirstPause;
      use(response);
    }
    const absl::Status status = FromGrpc(reader->Finish());
    if (!absl::IsUnavailable(status) || absl::Now() + pause >= deadline) return status;
    if (pause == kFirstPause) display.Say("the server does not answer; trying again");
    absl::SleepFor(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_WATCH_STREAM_H_
