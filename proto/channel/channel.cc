// SPDX-License-Identifier: Apache-2.0
#include "proto/channel/channel.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status_macros.h"
#include "core/options/value_options.h"
#include "fmt/format.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/client_interceptor.h"

namespace bitsweep::channel {
namespace {

using Steady = std::chrono::steady_clock;

absl::StatusOr<std::string> CheckToken(const char* source, std::string token) {
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool can_be_sent = !token.empty() && std::all_of(token.begin(), token.end(), [](char c) {
    return c > ' ' && c < '\x7f';
  });
  if (can_be_sent) return token;
  return absl::InvalidArgumentError(
      fmt::format("{}: expected one line of visible ASCII characters without spaces", source));
}

absl::StatusOr<std::string> ReadToken(const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, options::ReadOptionFile("--token-file", file));
  return CheckToken(fmt::format("--token-file {}", file).c_str(), std::move(text));
}

// The token as it is now. Thread-safe.
class TokenSource {
 public:
  TokenSource(std::string token, std::string file, absl::Duration reread)
      : file_(std::move(file)),
        reread_(absl::ToChronoNanoseconds(reread)),
        token_(std::move(token)),
        read_(Steady::now()) {}

  std::string Current() {
    if (IsDue()) {
      // Outside of the lock: a file system that hangs holds up this call and no other.
      absl::StatusOr<std::string> token = ReadToken(file_);
      absl::MutexLock lock(&mu_);
      if (token.ok()) token_ = *std::move(token);
    }
    absl::MutexLock lock(&mu_);
    return token_;
  }

 private:
  // Whether the caller is to read the file: one at a time, and not again for a while.
  bool IsDue() {
    absl::MutexLock lock(&mu_);
    if (file_.empty() || Steady::now() - read_ < reread_) return false;
    read_ = Steady::now();
    return true;
  }

  const std::string file_;
  const std::chrono::nanoseconds reread_;
  absl::Mutex mu_;
  std::string token_ ABSL_GUARDED_BY(mu_);
  Steady::time_point read_ ABSL_GUARDED_BY(mu_);
};

class Bearer final : public grpc::experimental::Interceptor {
 public:
  explicit Bearer(std::shared_ptr<TokenSource> source) : source_(std::move(source)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      batch->GetSendInitialMetadata()->emplace("authorization", "Bearer " + source_->Current());
    }
    batch->Proceed();
  }

 private:
  const std::shared_ptr<TokenSource> source_;
};

class BearerFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit BearerFactory(std::shared_ptr<TokenSource> source) : source_(std::move(source)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new Bearer(source_);  // gRPC owns it
  }

 private:
  const std::shared_ptr<TokenSource> source_;
};

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(
    const options::ServerAccess& access) {
  if (!access.UsesTls()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  if (!access.tls_ca.empty()) {
    ASSIGN_OR_RETURN(ssl.pem_root_certs, options::ReadOptionFile("--tls-ca", access.tls_ca));
  }
  if (!access.tls_cert.empty()) {
    ASSIGN_OR_RETURN(ssl.pem_cert_chain, options::ReadOptionFile("--tls-cert", access.tls_cert));
    ASSIGN_OR_RETURN(ssl.pem_private_key, options::ReadOptionFile("--tls-key", access.tls_key));
  }
  return grpc::SslCredentials(ssl);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Open(const std::string& address,
                                                    const options::ServerAccess& access,
                                                    const grpc::ChannelArguments& given,
                                                    absl::Duration reread) {
  RETURN_IF_ERROR(options::Check(access, address));
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                   CredentialsOf(access));
  grpc::ChannelArguments arguments = given;
  // Of a plain connection a proxy, which the environment may name, would read all, the token too.
  if (!access.UsesTls()) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!access.HasToken()) return grpc::CreateCustomChannel(address, credentials, arguments);
  std::string token;
  if (!access.token.empty()) {
    ASSIGN_OR_RETURN(token, CheckToken("--token (BITSWEEP_TOKEN)", access.token));
  } else {
    ASSIGN_OR_RETURN(token, ReadToken(access.token_file));
  }
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<BearerFactory>(std::make_shared<TokenSource>(
      std::move(token), access.token.empty() ? access.token_file : "", reread)));
  return grpc::experimental::CreateCustomChannelWithInterceptors(address, credentials, arguments,
                                                                 std::move(interceptors));
}

}  // namespace bitsweep::channel
