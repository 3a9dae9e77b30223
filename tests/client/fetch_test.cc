// SPDX-License-Identifier: Apache-2.0
#include "client/api/fetch.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;

constexpr char kBytes[] = "abcdefgh";

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "the server stops");

// Sends kBytes from the offset on: `most` bytes, then ends as the test says.
class ScriptedArtifacts final : public v1::ArtifactService::Service {
 public:
  using End = std::function<grpc::Status(grpc::ServerContext& context)>;

  ScriptedArtifacts(std::size_t most, End end) : most_(most), end_(std::move(end)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedArtifacts() override { server_->Shutdown(); }

  grpc::Status DownloadArtifact(grpc::ServerContext* context,
                                const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) override {
    {
      absl::MutexLock lock(&mu_);
      offsets_.push_back(request->offset());
    }
    const std::string rest =
        std::string(kBytes).substr(static_cast<std::size_t>(request->offset()));
    if (most_ > 0) {
      v1::DownloadArtifactResponse response;
      response.set_chunk(rest.substr(0, most_));
      writer->Write(response);
    }
    return most_ >= rest.size() ? grpc::Status::OK : end_(*context);
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  // Where each call wanted to start.
  std::vector<std::int64_t> offsets() {
    absl::MutexLock lock(&mu_);
    return offsets_;
  }

 private:
  const std::size_t most_;
  const End end_;
  absl::Mutex mu_;
  std::vector<std::int64_t> offsets_ ABSL_GUARDED_BY(mu_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class FetchTest : public ::testing::Test {
 protected:
  absl::Status Fetch(const ScriptedArtifacts& server, absl::Duration timeout = absl::Seconds(20),
                     const std::string& sha256 = Sha256Hex(kBytes)) {
    return FetchArtifact(Connection(server.address(), timeout), ArtifactName(sha256), file());
  }
  std::string file() const { return (folder_.path() / "net.bsck").string(); }
  // What the file holds; nothing when it is not there.
  std::string Content() const {
    std::ifstream stream(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  bool IsEmptyFolder() const { return std::filesystem::is_empty(folder_.path()); }

 private:
  testing::TempDir folder_;
};

TEST_F(FetchTest, GoesOnWhereItWasWhenTheServerBecomesUnavailable) {
  ScriptedArtifacts server(3, [](grpc::ServerContext&) { return kAway; });
  EXPECT_THAT(Fetch(server), IsOk());
  EXPECT_THAT(server.offsets(), ElementsAre(0, 3, 6));
  EXPECT_EQ(Content(), kBytes);
}

TEST_F(FetchTest, BringsBytesIntoMemoryByTheSameRules) {
  ScriptedArtifacts server(3, [](grpc::ServerContext&) { return kAway; });
  const Connection connection(server.address(), absl::Seconds(20));
  const auto bytes = FetchArtifact(connection, ArtifactName(Sha256Hex(kBytes)));
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(*bytes, kBytes);
  EXPECT_THAT(server.offsets(), ElementsAre(0, 3, 6));
  EXPECT_THAT(FetchArtifact(connection, ArtifactName(Sha256Hex("other bytes"))),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(FetchTest, ReplacesNoLink) {
  std::filesystem::create_symlink("elsewhere", file());
  ScriptedArtifacts server(8, [](grpc::ServerContext&) { return kAway; });
  EXPECT_THAT(Fetch(server), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(std::filesystem::is_symlink(file()));
  EXPECT_THAT(server.offsets(), ElementsAre());
}

TEST_F(FetchTest, GivesUpOnAServerThatStaysUnavailable) {
  ScriptedArtifacts server(0, [](grpc::ServerContext&) { return kAway; });
  EXPECT_THAT(Fetch(server), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(server.offsets(), ElementsAre(0, 0, 0, 0));
  EXPECT_TRUE(IsEmptyFolder());
}

TEST_F(FetchTest, TriesAgainOnlyWhenUnavailable) {
  ScriptedArtifacts server(3, [](grpc::ServerContext&) {
    return grpc::Status(grpc::StatusCode::DATA_LOSS, "3 bytes, expected 8");
  });
  EXPECT_THAT(Fetch(server), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(server.offsets(), ElementsAre(0));
  EXPECT_TRUE(IsEmptyFolder());
}

TEST_F(FetchTest, EndsWhenNothingComesForTheTimeout) {
  bool was_cancelled = false;
  {
    ScriptedArtifacts server(3, [&](grpc::ServerContext& context) {
      const absl::Notification never;
      const absl::Time give_up = absl::Now() + absl::Seconds(20);
      while (!context.IsCancelled() && absl::Now() < give_up) {
        never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
      }
      was_cancelled = context.IsCancelled();
      return grpc::Status::OK;
    });
    EXPECT_THAT(Fetch(server, absl::Milliseconds(200)),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
    EXPECT_TRUE(IsEmptyFolder());
  }
  EXPECT_TRUE(was_cancelled);
}

TEST_F(FetchTest, LeavesTheFileAloneWhenTheBytesAreWrong) {
  std::ofstream(file()) << "an older one";
  ScriptedArtifacts server(8, [](grpc::ServerContext&) { return kAway; });
  EXPECT_THAT(Fetch(server, absl::Seconds(20), Sha256Hex("other bytes")),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(Content(), "an older one");
}

}  // namespace
}  // namespace bitsweep::client
