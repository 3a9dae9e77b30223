// SPDX-License-Identifier: Apache-2.0
// Who may do what: every method of every service, with and without tokens; names that try to leave.
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "bitsweep/v1/token_service.grpc.pb.h"
#include "core/base/simulated_clock.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::rpc {
namespace {

namespace fs = std::filesystem;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

// What docs/api.md promises. Scopes as letters: r(ead), s(ubmit), w(orker), a(dmin).
const std::map<std::string, std::string> kWhoMay = {
    {"SweepService/SubmitSweep", "sa"},
    {"SweepService/GetSweep", "rsa"},
    {"SweepService/ListSweeps", "rsa"},
    {"SweepService/WatchSweep", "rsa"},
    {"SweepService/PauseSweep", "sa"},
    {"SweepService/ResumeSweep", "sa"},
    {"SweepService/CancelSweep", "sa"},
    {"SweepService/RetrySweep", "sa"},
    {"SweepService/DeleteSweep", "sa"},
    {"SweepService/ListConfigurations", "rsa"},
    {"SweepService/ListOptimalConfigurations", "rsa"},
    {"SweepService/GetTrial", "rsa"},
    {"SweepService/ListTrials", "rsa"},
    {"TransformService/SubmitTransform", "sa"},
    {"TransformService/GetTransform", "rsa"},
    {"TransformService/ListTransforms", "rsa"},
    {"TransformService/WatchTransform", "rsa"},
    {"TransformService/CancelTransform", "sa"},
    {"TransformService/DeleteTransform", "sa"},
    {"TransformService/GetTransformJob", "rsa"},
    {"TransformService/ListTransformJobs", "rsa"},
    {"TransformService/ListPasses", "rsa"},
    {"ModelService/GetModel", "rsa"},
    {"ModelService/ListModels", "rsa"},
    {"ModelService/ImportModel", "sa"},
    {"ModelService/DeleteModel", "sa"},
    {"ArtifactService/UploadArtifact", "swa"},
    {"ArtifactService/DownloadArtifact", "rswa"},
    {"ArtifactService/GetArtifact", "rswa"},
    {"WorkerService/RegisterWorker", "wa"},
    {"WorkerService/LeaseJobs", "wa"},
    {"WorkerService/RenewLeases", "wa"},
    {"WorkerService/ReportProgress", "wa"},
    {"WorkerService/CompleteJob", "wa"},
    {"WorkerService/FailJob", "wa"},
    {"WorkerService/ReleaseJobs", "wa"},
    {"AdminService/GetServerInfo", "rsa"},
    {"AdminService/ListWorkers", "rsa"},
    {"AdminService/DrainWorker", "a"},
    {"AdminService/PauseQueue", "a"},
    {"AdminService/ResumeQueue", "a"},
    {"AdminService/VerifyStore", "a"},
    {"AdminService/CreateBackup", "a"},
    {"TokenService/CreateToken", "a"},
    {"TokenService/ListTokens", "a"},
    {"TokenService/RevokeToken", "a"},
};

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::SubmitSweepRequest::descriptor()->file(),
        v1::SubmitTransformRequest::descriptor()->file(), v1::GetModelRequest::descriptor()->file(),
        v1::GetArtifactRequest::descriptor()->file(), v1::LeaseJobsRequest::descriptor()->file(),
        v1::GetServerInfoRequest::descriptor()->file(),
        v1::CreateTokenRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

std::string PathOf(const MethodDescriptor& method) {
  return fmt::format("/{}/{}", method.service()->full_name(), method.name());
}

constexpr char kRead[] = "read-token-0123456789";
constexpr char kSubmit[] = "submit-token-0123456789";
constexpr char kWorker[] = "worker-token-0123456789";
constexpr char kAdmin[] = "admin-token-0123456789";
const std::map<char, std::string> kTokens = {
    {'r', kRead}, {'s', kSubmit}, {'w', kWorker}, {'a', kAdmin}};

// A server with one configured token of each scope, whose clock the test moves.
class AccessTest : public RpcTest {
 protected:
  void SetUp() override {
    options_ = {
        .listen = "127.0.0.1:0",
        .data_dir = (folder_.path() / "data").string(),
        .metrics_listen = "off",
        .token_files = {"read=" + Write("read", kRead), "submit=" + Write("submit", kSubmit),
                        "worker=" + Write("worker", kWorker), "admin=" + Write("admin", kAdmin)},
        .grace = absl::Seconds(1)};
    Start();
  }
  void TearDown() override { server_.reset(); }  // it uses the clock
  void Start() {
    server_.reset();
    auto started = server::Server::Start(options_, clock_);
    ASSERT_THAT(started, testing::IsOk());
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel(fmt::format("127.0.0.1:{}", server_->grpc_port()),
                                   grpc::InsecureChannelCredentials());
    tokens_ = v1::TokenService::NewStub(channel_);
  }
  std::string Write(const std::string& name, const std::string& token) {
    const fs::path file = folder_.path() / name;
    std::ofstream(file) << token << "\n";
    return file.string();
  }

  // The error of a call whose request is empty.
  Error Try(const std::string& path, const std::vector<std::string>& authorization,
            const std::string& request = "") {
    RawCall call(channel_, path, request, authorization);
    while (!call.Read().empty()) {  // a stream ends when all of it has been read
    }
    return Decode(call.Finish());
  }
  Error TryWith(const std::string& token, const std::string& path = kList) {
    return Try(path, {"Bearer " + token});
  }
  template <typename Request, typename Response>
  Answer<Response> Admin(grpc::Status (v1::TokenService::Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Response*),
                         const std::string& json) {
    Answer<Response> answer;
    grpc::ClientContext context;
    SetDeadline(context);
    context.AddMetadata("authorization", std::string("Bearer ") + kAdmin);
    answer.error = Decode((*tokens_.*method)(&context, FromJson<Request>(json), &answer.response));
    return answer;
  }
  std::string Create(const std::string& json) {
    const auto answer = Admin(&v1::TokenService::Stub::CreateToken, json);
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    return answer.response.secret();
  }

  static constexpr char kList[] = "/bitsweep.v1.SweepService/ListSweeps";
  SimulatedClock clock_;
  server::ServerOptions options_;
  std::unique_ptr<v1::TokenService::Stub> tokens_;
};

TEST_F(AccessTest, EveryMethodIsDecidedBeforeItsRequestIsLookedAt) {
  std::set<std::string> seen;
  for (const MethodDescriptor* method : AllMethods()) {
    const std::string name = fmt::format("{}/{}", method->service()->name(), method->name());
    ASSERT_TRUE(kWhoMay.contains(name)) << name << ": say in kWhoMay and docs/api.md who may";
    seen.insert(name);
    EXPECT_EQ(Try(PathOf(*method), {}).reason, "TOKEN_MISSING") << name;
    EXPECT_EQ(TryWith("nobodys-token-0123456789", PathOf(*method)).reason, "TOKEN_INVALID") << name;
    for (const auto& [scope, token] : kTokens) {
      const Error error = TryWith(token, PathOf(*method));
      if (kWhoMay.at(name).find(scope) == std::string::npos) {
        EXPECT_EQ(error.code, grpc::StatusCode::PERMISSION_DENIED) << name << " as " << scope;
        EXPECT_EQ(error.reason, "SCOPE_MISSING") << name << " as " << scope;
      } else {
        EXPECT_NE(error.code, grpc::StatusCode::PERMISSION_DENIED) << name << " as " << scope;
        EXPECT_NE(error.code, grpc::StatusCode::UNAUTHENTICATED) << name << " as " << scope;
      }
    }
  }
  EXPECT_EQ(seen.size(), kWhoMay.size());
}

TEST_F(AccessTest, HealthAndReflectionNeedNoToken) {
  EXPECT_EQ(Try("/grpc.health.v1.Health/Check", {}).code, grpc::StatusCode::OK);
  RawCall reflection(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                     "\x3a\x01*");
  EXPECT_THAT(reflection.Read(), HasSubstr("bitsweep.v1.TokenService"));
}

TEST_F(AccessTest, WhatIsNoBearerTokenIsMissing) {
  const std::string admin = kAdmin;
  for (const std::vector<std::string>& authorization : {std::vector<std::string>{},
                                                        {admin},
                                                        {"Basic " + admin},
                                                        {"Bearer"},
                                                        {"Bearer" + admin},
                                                        {"Bearer " + admin, "Bearer " + admin}}) {
    const Error error = Try(kList, authorization);
    EXPECT_EQ(error.code, grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(error.reason, "TOKEN_MISSING");
    EXPECT_THAT(error.message, Not(HasSubstr(admin)));
  }
  EXPECT_EQ(Try(kList, {"bearer " + admin}).code, grpc::StatusCode::OK);
}

TEST_F(AccessTest, ATokenIsCheckedToItsLastCharacter) {
  const std::string secret = Create(R"({"token_id": "lab-ci", "scopes": ["SCOPE_READ"]})");
  EXPECT_THAT(secret, ::testing::MatchesRegex("bsw_lab-ci_[A-Za-z0-9_-]+"));
  EXPECT_EQ(secret.size(), 11 + 43);
  EXPECT_EQ(TryWith(secret).code, grpc::StatusCode::OK);
  std::string other = secret;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  for (const std::string& wrong :
       {other, secret + "x", secret.substr(0, secret.size() - 1), std::string("bsw_lab-ci_"),
        std::string("bsw_lab-ci"), std::string("bsw_nobody_x"), std::string("bsw_"),
        std::string("x")}) {
    const Error error = TryWith(wrong);
    EXPECT_EQ(error.reason, "TOKEN_INVALID") << wrong;
    EXPECT_THAT(error.message, Not(HasSubstr(wrong))) << wrong;
  }
}

TEST_F(AccessTest, ATokenExpires) {
  const std::string secret =
      Create(R"({"token_id": "lab-ci", "scopes": ["SCOPE_READ"], "ttl": "60s"})");
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(TryWith(secret).code, grpc::StatusCode::OK);
  clock_.Advance(absl::Seconds(1));
  const Error error = TryWith(secret);
  EXPECT_EQ(error.code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(error.reason, "TOKEN_EXPIRED");
  EXPECT_THAT(error.message, HasSubstr("tokens/lab-ci expired at 2023-11-14T22:14:20+00:00"));
  const auto listed = Admin(&v1::TokenService::Stub::ListTokens, "{}");
  EXPECT_EQ(listed.response.tokens(0).state(), v1::Token::STATE_EXPIRED);
}

TEST_F(AccessTest, ARevokedTokenIsRefusedAtOnceAndAfterARestart) {
  const std::string secret = Create(R"({"token_id": "lab-ci", "scopes": ["SCOPE_READ"]})");
  ASSERT_TRUE(Admin(&v1::TokenService::Stub::RevokeToken, R"({"name": "tokens/lab-ci"})").ok());
  EXPECT_EQ(TryWith(secret).reason, "TOKEN_REVOKED");
  Start();
  EXPECT_EQ(TryWith(secret).reason, "TOKEN_REVOKED");
}

TEST_F(AccessTest, ATokenOutlivesARestartAndIsNowhereInTheStore) {
  const std::string secret = Create(R"({"token_id": "lab-ci", "scopes": ["SCOPE_SUBMIT"]})");
  Start();
  EXPECT_EQ(TryWith(secret).code, grpc::StatusCode::OK);
  server_.reset();
  const std::string random = secret.substr(11);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "data")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_THAT(bytes, Not(HasSubstr(random))) << entry.path();
  }
  EXPECT_GT(files, 0);
}

TEST_F(AccessTest, SeveralScopesAddUp) {
  const std::string both =
      Create(R"({"token_id": "both", "scopes": ["SCOPE_WORKER", "SCOPE_READ"]})");
  EXPECT_EQ(TryWith(both).code, grpc::StatusCode::OK);
  EXPECT_EQ(TryWith(both, "/bitsweep.v1.WorkerService/LeaseJobs").code,
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(TryWith(both, "/bitsweep.v1.SweepService/SubmitSweep").reason, "SCOPE_MISSING");
}

TEST_F(AccessTest, TokensAreListedByNameInPages) {
  for (const char* id : {"gamma", "alpha", "delta"}) {
    Create(fmt::format(R"({{"token_id": "{}", "scopes": ["SCOPE_READ", "SCOPE_WORKER"]}})", id));
  }
  const auto first = Admin(&v1::TokenService::Stub::ListTokens, R"({"page_size": 2})");
  ASSERT_EQ(first.response.tokens_size(), 2);
  EXPECT_EQ(first.response.tokens(0).name(), "tokens/alpha");
  EXPECT_THAT(first.response.tokens(0).scopes(), ElementsAre(v1::SCOPE_READ, v1::SCOPE_WORKER));
  EXPECT_EQ(first.response.tokens(0).state(), v1::Token::STATE_ACTIVE);
  EXPECT_FALSE(first.response.tokens(0).has_expire_time());
  const auto second =
      Admin(&v1::TokenService::Stub::ListTokens,
            fmt::format(R"({{"page_token": "{}"}})", first.response.next_page_token()));
  ASSERT_EQ(second.response.tokens_size(), 1);
  EXPECT_EQ(second.response.tokens(0).name(), "tokens/gamma");
  EXPECT_EQ(second.response.next_page_token(), "");
}

TEST_F(AccessTest, ABadTokenRequestHearsOfEveryProblem) {
  const auto answer =
      Admin(&v1::TokenService::Stub::CreateToken,
            R"({"token_id": "../x", "scopes": ["SCOPE_UNSPECIFIED", 9], "ttl": "0s"})");
  EXPECT_EQ(answer.error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(answer.error.violations.size(), 4);
  EXPECT_THAT(answer.error.violations, Contains(::testing::Key("token_id")));
  EXPECT_THAT(answer.error.violations, Contains(::testing::Key("scopes[1]")));
  EXPECT_THAT(answer.error.violations, Contains(::testing::Key("ttl")));
  EXPECT_EQ(Admin(&v1::TokenService::Stub::CreateToken, R"({"token_id": "fine"})")
                .error.violations.at("scopes"),
            "empty: expected at least one scope");
  Create(R"({"token_id": "fine", "scopes": ["SCOPE_READ"]})");
  EXPECT_EQ(Admin(&v1::TokenService::Stub::CreateToken,
                  R"({"token_id": "fine", "scopes": ["SCOPE_READ"]})")
                .error.reason,
            "ID_IN_USE");
  EXPECT_EQ(
      Admin(&v1::TokenService::Stub::RevokeToken, R"({"name": "tokens/nobody"})").error.reason,
      "TOKEN_NOT_FOUND");
}

// Fields that name something: each must refuse what is no name of its kind.
bool IsName(const FieldDescriptor& field) {
  if (field.type() != FieldDescriptor::TYPE_STRING || field.is_repeated()) return false;
  const std::string& name = field.name();
  return name == "name" || name == "parent" || name == "worker" || name == "sha256" ||
         name == "job" || name == "artifact" || name == "stored" ||
         (name.ends_with("_id") && name != "request_id" && name != "instance_id");
}

// Texts that would lead out of their place if they were used as a path.
const std::string kPaths[] = {"../../../../etc/passwd",   "/etc/passwd",
                              "sweeps/../../x",           "models/..%2f..%2fx",
                              "artifacts/../bitsweep.db", "workers/a\\..\\b",
                              "tokens/../tokens/admin",   "transforms/./x/jobs/0",
                              "sweeps/abcd/trials/../0",  std::string("..", 3)};

// Calls `visit` for every name field of `message` and of the messages in it, with a way to set it
// inside a new request.
using Set = std::function<void(google::protobuf::Message*, const std::string&)>;
void ForEachName(const google::protobuf::Descriptor& type, int depth,
                 const std::function<void(const std::string& path, const Set&)>& visit) {
  for (int f = 0; f < type.field_count(); ++f) {
    const FieldDescriptor* field = type.field(f);
    if (IsName(*field)) {
      visit(field->name(), [field](google::protobuf::Message* message, const std::string& value) {
        message->GetReflection()->SetString(message, field, value);
      });
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE && !field->is_map() && depth < 3) {
      ForEachName(*field->message_type(), depth + 1, [&](const std::string& path, const Set& set) {
        visit(field->name() + "." + path,
              [field, set](google::protobuf::Message* message, const std::string& value) {
                const auto* reflection = message->GetReflection();
                set(field->is_repeated() ? reflection->AddMessage(message, field)
                                         : reflection->MutableMessage(message, field),
                    value);
              });
      });
    }
  }
}

TEST_F(AccessTest, NoNameLeavesItsPlace) {
  google::protobuf::DynamicMessageFactory factory;
  int named = 0;
  int nested = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    const std::string name = fmt::format("{}/{}", method->service()->name(), method->name());
    const std::string token = "Bearer " + kTokens.at(kWhoMay.at(name).front());
    const auto check = [&](const std::string& path, const Set& set) {
      for (const std::string& value : kPaths) {
        const std::unique_ptr<google::protobuf::Message> request(
            factory.GetPrototype(method->input_type())->New());
        set(request.get(), value);
        const Error error = Try(PathOf(*method), {token}, request->SerializeAsString());
        EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT)
            << name << " " << path << " = " << value << ": " << error.message;
        const bool is_top = path.find('.') == std::string::npos;
        (is_top ? named : nested) += 1;
        // Inside, something else may be found wrong first; a field of the request itself is what
        // the error is about.
        const bool is_about_it = error.reason == "INVALID_NAME" ||
                                 error.violations.contains(path) ||
                                 error.message.find(path) != std::string::npos;
        EXPECT_TRUE(!is_top || is_about_it)
            << name << " " << path << " = " << value << ": " << error.message;
      }
    };
    ForEachName(*method->input_type(), 0, check);
  }
  EXPECT_GE(named, 300);
  EXPECT_GE(nested, 50);
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder_.path() / "data")) {
    files.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(files, Not(Contains(AllOf(Not(::testing::StartsWith("bitsweep.")),
                                        Not(::testing::StrEq("artifacts"))))));
}

TEST_F(AccessTest, AWatchEndsWithItsToken) {
  const auto submit = FromJson<v1::SubmitSweepRequest>(
      R"({"sweep_id": "lab-1", "sweep": {"model": {"builtin": "jsc-tiny"},
          "dataset": {"name": "synthetic-jets"}}})");
  ASSERT_EQ(Try("/bitsweep.v1.SweepService/SubmitSweep", {std::string("Bearer ") + kAdmin},
                submit.SerializeAsString())
                .code,
            grpc::StatusCode::OK);
  const std::string secret = Create(R"({"token_id": "lab-ci", "scopes": ["SCOPE_READ"]})");
  v1::WatchSweepRequest watch;
  watch.set_name("sweeps/lab-1");
  RawCall call(channel_, "/bitsweep.v1.SweepService/WatchSweep", watch.SerializeAsString(),
               {"Bearer " + secret});
  EXPECT_NE(call.Read(), "");
  ASSERT_TRUE(Admin(&v1::TokenService::Stub::RevokeToken, R"({"name": "tokens/lab-ci"})").ok());
  clock_.Advance(absl::Seconds(1));  // the stream looks again
  EXPECT_EQ(call.Read(), "");
  EXPECT_EQ(Decode(call.Finish()).reason, "TOKEN_REVOKED");
}

TEST_F(AccessTest, OneConfiguredTokenMayHaveSeveralScopes) {
  options_.token_files = {"worker=" + Write("both", "a-token-of-two-scopes"),
                          "read=" + Write("again", "a-token-of-two-scopes")};
  Start();
  EXPECT_EQ(TryWith("a-token-of-two-scopes").code, grpc::StatusCode::OK);
  EXPECT_EQ(TryWith("a-token-of-two-scopes", "/bitsweep.v1.WorkerService/LeaseJobs").code,
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(AccessTest, ADataSetOutsideTheRootIsRefusedWhenItIsSubmitted) {
  for (const char* data : {"../jsc", "/etc/passwd", "a/../../b", "a//../../b.csv"}) {
    const auto request = FromJson<v1::SubmitSweepRequest>(fmt::format(
        R"({{"sweep": {{"model": {{"builtin": "jsc-tiny"}}, "dataset": {{"name": "{}"}}}}}})",
        data));
    const Error error = Try("/bitsweep.v1.SweepService/SubmitSweep",
                            {std::string("Bearer ") + kSubmit}, request.SerializeAsString());
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT) << data;
    EXPECT_THAT(error.violations, Contains(::testing::Key("sweep.dataset.name"))) << data;
  }
}

TEST_F(AccessTest, AConfiguredTokenMustBeOne) {
  const auto start = [&](const std::string& value) {
    server::ServerOptions options = options_;
    options.data_dir = (folder_.path() / "none").string();
    options.token_files = {value};
    return server::Server::Start(options, clock_).status();
  };
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(start("admin"), refused("expected SCOPE=FILE"));
  EXPECT_THAT(start("root=" + Write("a", kAdmin)), refused("scope \"root\""));
  EXPECT_THAT(start("admin=/no/such/file"), refused("/no/such/file: cannot be read"));
  EXPECT_THAT(start("admin=" + Write("b", "short")), refused("16 to 512 visible"));
  EXPECT_THAT(start("admin=" + Write("c", "two words of some length")), refused("without spaces"));
  EXPECT_THAT(start("admin=" + Write("d", "")), refused("16 to 512 visible"));
  EXPECT_FALSE(fs::exists(folder_.path() / "none"));  // nothing is made before all is known
}

}  // namespace
}  // namespace bitsweep::rpc
