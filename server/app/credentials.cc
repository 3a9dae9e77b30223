// SPDX-License-Identifier: Apache-2.0
#include "server/app/credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/options/value_options.h"
#include "fmt/format.h"
#include "grpcpp/security/server_credentials.h"

namespace bitsweep::server {
namespace {

constexpr std::size_t kShortestToken = 16;
constexpr std::size_t kLongestToken = 512;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

std::unique_ptr<BIO, FreeBio> Memory(const std::string& text) {
  return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<Certificate> ParseCertificate(const char* option, const std::string& file,
                                             const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Memory(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError(
      fmt::format("{} {}: expected a certificate as PEM", option, file));
}

absl::Status CheckPair(const ServerOptions& options, const grpc::SslServerCredentialsOptions& ssl,
                       absl::Time now) {
  const auto& pair = ssl.pem_key_cert_pairs.front();
  ASSIGN_OR_RETURN(const Certificate certificate,
                   ParseCertificate("--tls-cert", options.tls_cert, pair.cert_chain));
  // A key with a passphrase must not ask for it on a terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(Memory(pair.private_key).get(), nullptr, no_passphrase, nullptr));
  const bool is_pair = key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(fmt::format(
        "--tls-key {}: expected a private key as PEM, without passphrase", options.tls_key));
  }
  if (!is_pair) {
    return absl::InvalidArgumentError(fmt::format("--tls-key {}: not the key of the certificate {}",
                                                  options.tls_key, options.tls_cert));
  }
  std::time_t seconds = absl::ToTimeT(now);
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &seconds) < 0) {
    return absl::InvalidArgumentError(
        fmt::format("--tls-cert {}: the certificate has expired", options.tls_cert));
  }
  return absl::OkStatus();
}

absl::StatusOr<rpc::ConfiguredToken> ReadConfigured(const std::string& value) {
  const std::size_t equals = value.find('=');
  const std::string source = fmt::format("--token-file {}", value);
  if (equals == std::string::npos) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: expected SCOPE=FILE, for example worker=/etc/bitsweep/worker.token", source));
  }
  const absl::StatusOr<Scope> scope = ParseScope(value.substr(0, equals));
  if (!scope.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", source, std::string(scope.status().message())));
  }
  ASSIGN_OR_RETURN(std::string token,
                   options::ReadOptionFile("--token-file", value.substr(equals + 1)));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool is_visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_visible || token.size() < kShortestToken || token.size() > kLongestToken) {
    return absl::InvalidArgumentError(
        fmt::format("{}: expected one line of {} to {} visible ASCII characters without spaces",
                    source, kShortestToken, kLongestToken));
  }
  return rpc::ConfiguredToken{Sha256Hex(token), {*scope}};
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ServerOptions& options, absl::Time now) {
  if (options.tls_cert.empty()) return grpc::InsecureServerCredentials();
  const bool asks = !options.tls_client_ca.empty();
  grpc::SslServerCredentialsOptions ssl(
      asks ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
           : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  ASSIGN_OR_RETURN(pair.cert_chain, options::ReadOptionFile("--tls-cert", options.tls_cert));
  ASSIGN_OR_RETURN(pair.private_key, options::ReadOptionFile("--tls-key", options.tls_key));
  ssl.pem_key_cert_pairs.push_back(std::move(pair));
  RETURN_IF_ERROR(CheckPair(options, ssl, now));
  if (asks) {
    ASSIGN_OR_RETURN(ssl.pem_root_certs,
                     options::ReadOptionFile("--tls-client-ca", options.tls_client_ca));
    RETURN_IF_ERROR(
        ParseCertificate("--tls-client-ca", options.tls_client_ca, ssl.pem_root_certs).status());
  }
  return grpc::SslServerCredentials(ssl);
}

absl::StatusOr<rpc::AccessOptions> MakeAccessOptions(const ServerOptions& options) {
  rpc::AccessOptions access{.tokens_required = RequiresTokens(options)};
  for (const std::string& value : options.token_files) {
    ASSIGN_OR_RETURN(rpc::ConfiguredToken token, ReadConfigured(value));
    const auto same =
        std::find_if(access.configured.begin(), access.configured.end(),
                     [&](const rpc::ConfiguredToken& other) { return other.hash == token.hash; });
    if (same == access.configured.end()) {
      access.configured.push_back(std::move(token));
    } else {  // one token of several scopes
      same->scopes.Add(token.scopes);
    }
  }
  return access;
}

}  // namespace bitsweep::server
