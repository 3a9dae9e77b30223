// SPDX-License-Identifier: Apache-2.0
// TLS, certificates of clients, and how clients and workers reach a server that wants them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "core/base/clock.h"
#include "core/base/simulated_clock.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "proto/channel/channel.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::rpc {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

constexpr char kToken[] = "a-token-of-this-test";

// Certificates of two authorities, made once by the script that people use.
class Certificates {
 public:
  Certificates() : ours_(Make("ours")), theirs_(Make("theirs")) {}
  std::string Ours(const std::string& name) const { return (ours_ / name).string(); }
  std::string Theirs(const std::string& name) const { return (theirs_ / name).string(); }

 private:
  fs::path Make(const std::string& name) {
    const fs::path to = folder_.path() / name;
    const std::string command = fmt::format("deploy/make-dev-certs.sh {} > /dev/null", to.string());
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    return to;
  }
  testing::TempDir folder_;
  const fs::path ours_;
  const fs::path theirs_;
};

class TlsTest : public ::testing::Test {
 protected:
  static const Certificates& Certs() {
    static const Certificates certificates;
    return certificates;
  }
  server::ServerOptions Tls() {
    return {.listen = "127.0.0.1:0",
            .data_dir = (folder_.path() / "data").string(),
            .metrics_listen = "off",
            .tls_cert = Certs().Ours("server.pem"),
            .tls_key = Certs().Ours("server-key.pem"),
            .grace = absl::Seconds(1)};
  }
  void Start(const server::ServerOptions& options) {
    auto started = server::Server::Start(options, SystemClock());
    ASSERT_THAT(started, IsOk());
    server_ = *std::move(started);
  }
  static std::shared_ptr<grpc::Channel> Channel(const std::string& address,
                                                const options::ServerAccess& access) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel = channel::Open(address, access, arguments, absl::ZeroDuration());
    EXPECT_THAT(channel, IsOk());
    return channel.value_or(nullptr);
  }
  std::shared_ptr<grpc::Channel> Channel(const options::ServerAccess& access) {
    return Channel(fmt::format("localhost:{}", server_->grpc_port()), access);
  }
  static Error List(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListSweepsResponse response;
    return Decode(v1::SweepService::NewStub(channel)->ListSweeps(&context, v1::ListSweepsRequest(),
                                                                 &response));
  }
  Error ListWith(const options::ServerAccess& access) { return List(Channel(access)); }
  std::string Write(const std::string& name, const std::string& text) {
    const fs::path file = folder_.path() / name;
    std::ofstream(file) << text;
    return file.string();
  }

  testing::TempDir folder_;
  std::unique_ptr<server::Server> server_;
};

TEST_F(TlsTest, OnlyAClientThatTrustsTheAuthorityGetsThrough) {
  Start(Tls());
  EXPECT_EQ(ListWith({.tls_ca = Certs().Ours("ca.pem")}).code, grpc::StatusCode::OK);
  EXPECT_EQ(ListWith({.tls_ca = Certs().Theirs("ca.pem")}).code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ListWith({.tls = true}).code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ListWith({}).code, grpc::StatusCode::UNAVAILABLE) << "a plain client on a TLS port";
}

TEST_F(TlsTest, TheNameMustBeTheCertificates) {
  Start(Tls());
  // 127.0.0.2 is this machine too, but not in the certificate; a server listens where it is told.
  server::ServerOptions other = Tls();
  other.listen = "127.0.0.2:0";
  other.data_dir += "-2";
  Start(other);
  EXPECT_EQ(List(Channel(fmt::format("127.0.0.2:{}", server_->grpc_port()),
                         {.tls_ca = Certs().Ours("ca.pem")}))
                .code,
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, APlainServerIsNotMistakenForAnEncryptedOne) {
  server::ServerOptions plain = Tls();
  plain.tls_cert = plain.tls_key = "";
  Start(plain);
  EXPECT_EQ(ListWith({}).code, grpc::StatusCode::OK);
  EXPECT_EQ(ListWith({.tls_ca = Certs().Ours("ca.pem")}).code, grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, CertificatesOfClientsAreAskedForAndChecked) {
  server::ServerOptions mutual = Tls();
  mutual.tls_client_ca = Certs().Ours("ca.pem");
  Start(mutual);
  const std::string ca = Certs().Ours("ca.pem");
  EXPECT_EQ(ListWith({.tls_ca = ca,
                      .tls_cert = Certs().Ours("client.pem"),
                      .tls_key = Certs().Ours("client-key.pem")})
                .code,
            grpc::StatusCode::OK);
  EXPECT_EQ(ListWith({.tls_ca = ca}).code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ListWith({.tls_ca = ca,
                      .tls_cert = Certs().Theirs("client.pem"),
                      .tls_key = Certs().Theirs("client-key.pem")})
                .code,
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ACertificateOfAClientIsNoToken) {
  server::ServerOptions both = Tls();
  both.tls_client_ca = Certs().Ours("ca.pem");
  both.token_files = {"read=" + Write("token", kToken)};
  Start(both);
  options::ServerAccess access{.tls_ca = Certs().Ours("ca.pem"),
                               .tls_cert = Certs().Ours("client.pem"),
                               .tls_key = Certs().Ours("client-key.pem")};
  EXPECT_EQ(ListWith(access).reason, "TOKEN_MISSING");
  access.token = kToken;
  EXPECT_EQ(ListWith(access).code, grpc::StatusCode::OK);
}

TEST_F(TlsTest, ATokenOfAFileIsReadAgain) {
  server::ServerOptions options = Tls();
  options.token_files = {"read=" + Write("server-token", kToken)};
  Start(options);
  const std::string file = Write("token", "another-token-of-this-test\n");
  const auto channel = Channel({.tls_ca = Certs().Ours("ca.pem"), .token_file = file});
  EXPECT_EQ(List(channel).reason, "TOKEN_INVALID");
  Write("token", std::string(kToken) + "\n");
  EXPECT_EQ(List(channel).code, grpc::StatusCode::OK);
  fs::remove(file);
  EXPECT_EQ(List(channel).code, grpc::StatusCode::OK) << "the last token is used on";
}

TEST_F(TlsTest, ACertificateThatCannotServeIsRefusedAtTheStart) {
  const auto start = [&](const server::ServerOptions& options, Clock& clock = SystemClock()) {
    return server::Server::Start(options, clock).status();
  };
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  server::ServerOptions options = Tls();
  options.tls_key = "";
  EXPECT_THAT(start(options), refused("expected both or none"));
  options.tls_key = Certs().Ours("client-key.pem");
  EXPECT_THAT(start(options), refused("not the key of the certificate"));
  options.tls_key = "/no/such/key.pem";
  EXPECT_THAT(start(options), refused("--tls-key /no/such/key.pem: cannot be read"));
  options.tls_key = Certs().Ours("server.pem");
  EXPECT_THAT(start(options), refused("expected a private key as PEM"));
  options = Tls();
  options.tls_cert = Certs().Ours("server-key.pem");
  EXPECT_THAT(start(options), refused("expected a certificate as PEM"));
  options = Tls();
  options.tls_client_ca = Write("ca", "nothing");
  EXPECT_THAT(start(options), refused("--tls-client-ca"));
  options = Tls();
  options.tls_cert = options.tls_key = "";
  options.tls_client_ca = Certs().Ours("ca.pem");
  EXPECT_THAT(start(options), refused("need TLS"));
  SimulatedClock later(absl::Now() + absl::Hours(24 * 400));
  EXPECT_THAT(start(Tls(), later), refused("the certificate has expired"));
  EXPECT_FALSE(fs::exists(Tls().data_dir));
}

TEST_F(TlsTest, AServerThatOthersReachIsProtectedUnlessToldOtherwise) {
  const auto check = [](server::ServerOptions options) {
    options.listen = "0.0.0.0:0";
    return server::Check(options);
  };
  const auto refused = [](const std::string& a, const std::string& b) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    AllOf(HasSubstr("--listen 0.0.0.0:0"), HasSubstr(a), HasSubstr(b),
                          HasSubstr("--insecure")));
  };
  server::ServerOptions options;
  options.metrics_listen = "off";
  EXPECT_THAT(check(options), refused("--tls-cert", "--tokens"));
  options.tokens = true;
  EXPECT_THAT(check(options), refused("without encryption", "--tls-key"));
  options.tls_cert = options.tls_key = "x";
  EXPECT_THAT(check(options), IsOk());
  options.tokens = false;
  EXPECT_THAT(check(options), refused("without login", "--tls-client-ca"));
  options.tls_client_ca = "x";
  EXPECT_THAT(check(options), IsOk());
  options = {};
  options.insecure = true;
  options.metrics_listen = "0.0.0.0:0";
  EXPECT_THAT(check(options), IsOk());
  options = {};
  options.metrics_listen = "0.0.0.0:0";
  EXPECT_THAT(server::Check(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure-metrics")));
  options.metrics_listen = "127.0.0.1:0,0.0.0.0:0";
  EXPECT_FALSE(server::Check(options).ok()) << "a list is no address of loopback";
  options.insecure_metrics = true;
  EXPECT_THAT(server::Check(options), IsOk());
  EXPECT_THAT(server::Check({}), IsOk()) << "without configuration: loopback";
}

TEST(ServerAccessTest, APlainConnectionGoesThroughNoProxy) {
  testing::TempDir folder;
  const auto server = server::Server::Start(
      {.listen = "127.0.0.1:0", .data_dir = folder.path().string(), .metrics_listen = "off"},
      SystemClock());
  ASSERT_THAT(server, IsOk());
  // Nothing listens on port 1: a call that went there would fail.
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ASSERT_EQ(setenv("grpc_proxy", "http://127.0.0.1:1", 1), 0);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = channel::Open(fmt::format("127.0.0.1:{}", (*server)->grpc_port()),
                                     {.token = "secret"}, arguments);
  ASSERT_THAT(channel, IsOk());
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListSweepsResponse response;
  const grpc::Status status =
      v1::SweepService::NewStub(*channel)->ListSweeps(&context, v1::ListSweepsRequest(), &response);
  unsetenv("http_proxy");
  unsetenv("grpc_proxy");
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST(ServerAccessTest, OptionsThatDoNotGoTogetherAreRefused) {
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  const auto open = [](const std::string& address, const options::ServerAccess& access) {
    return channel::Open(address, access, {}).status();
  };
  EXPECT_THAT(open("localhost:1", {.tls_cert = "x"}), refused("expected both or none"));
  EXPECT_THAT(open("localhost:1", {.token = "a", .token_file = "/no/such"}), IsOk())
      << "the token goes before the file";
  EXPECT_THAT(open("localhost:1", {.tls_ca = "/no/such"}), refused("--tls-ca /no/such"));
  EXPECT_THAT(open("localhost:1", {.token_file = "/no/such"}), refused("--token-file /no/such"));
  EXPECT_THAT(open("localhost:1", {.token = "a b"}), refused("without spaces"));
  EXPECT_THAT(open("example.org:1", {.token = "abc"}), refused("without encryption"));
  EXPECT_THAT(open("example.org:1", {.token = "abc", .insecure_token = true}), IsOk());
  EXPECT_THAT(open("example.org:1", {.tls = true, .token = "abc"}), IsOk());
}

}  // namespace
}  // namespace bitsweep::rpc
