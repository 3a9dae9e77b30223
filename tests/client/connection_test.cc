// SPDX-License-Identifier: Apache-2.0
#include "client/api/connection.h"

#include <atomic>
#include <functional>

#include "absl/synchronization/notification.h"
#include "fmt/format.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::client {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;

// A server whose GetSweep does what the test says.
class ScriptedSweeps final : public v1::SweepService::Service {
 public:
  using Answer = std::function<grpc::Status(int call, grpc::ServerContext& context)>;

  explicit ScriptedSweeps(Answer answer) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedSweeps() override { server_->Shutdown(); }

  grpc::Status GetSweep(grpc::ServerContext* context, const v1::GetSweepRequest* request,
                        v1::GetSweepResponse* response) override {
    response->mutable_sweep()->set_name(request->name());
    return answer_(++calls_, *context);
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  int calls() const { return calls_; }

 private:
  const Answer answer_;
  std::atomic<int> calls_{0};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status Get(const Connection& connection, v1::GetSweepResponse& response) {
  v1::GetSweepRequest request;
  request.set_name("sweeps/lab-1");
  return connection.Call(connection.sweeps(), &v1::SweepService::Stub::GetSweep, request,
                         &response);
}

TEST(ConnectionTest, TriesAgainWhenTheServerIsUnavailable) {
  ScriptedSweeps server([](int call, grpc::ServerContext&) {
    return call < 3 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "starting") : grpc::Status::OK;
  });
  v1::GetSweepResponse response;
  EXPECT_THAT(Get(Connection(server.address(), absl::Seconds(20)), response), IsOk());
  EXPECT_EQ(response.sweep().name(), "sweeps/lab-1");
  EXPECT_EQ(server.calls(), 3);
}

TEST(ConnectionTest, TriesAgainOnlyWhenUnavailable) {
  for (const grpc::StatusCode code :
       {grpc::StatusCode::INTERNAL, grpc::StatusCode::NOT_FOUND, grpc::StatusCode::ABORTED,
        grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::INVALID_ARGUMENT,
        grpc::StatusCode::UNKNOWN, grpc::StatusCode::DEADLINE_EXCEEDED}) {
    ScriptedSweeps server([code](int, grpc::ServerContext&) { return grpc::Status(code, "no"); });
    v1::GetSweepResponse response;
    EXPECT_THAT(Get(Connection(server.address(), absl::Seconds(20)), response),
                StatusIs(static_cast<absl::StatusCode>(code), "no"));
    EXPECT_EQ(server.calls(), 1) << code;
  }
}

TEST(ConnectionTest, GivesUpWhenTheNextTryWouldComeTooLate) {
  ScriptedSweeps server([](int, grpc::ServerContext&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "starting");
  });
  v1::GetSweepResponse response;
  // The first pause is 200 ms.
  EXPECT_EQ(Get(Connection(server.address(), absl::Milliseconds(199)), response).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.calls(), 1);
}

TEST(ConnectionTest, EndsACallAtItsDeadline) {
  absl::Notification over;
  ScriptedSweeps server([&over](int, grpc::ServerContext&) {
    over.WaitForNotificationWithTimeout(absl::Seconds(20));
    return grpc::Status::OK;
  });
  v1::GetSweepResponse response;
  EXPECT_THAT(Get(Connection(server.address(), absl::Milliseconds(100)), response),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  over.Notify();
}

TEST(ConnectionTest, ReportsAServerThatIsNotThere) {
  v1::GetSweepResponse response;
  EXPECT_THAT(Get(Connection("127.0.0.1:1", absl::Milliseconds(150)), response),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace bitsweep::client
