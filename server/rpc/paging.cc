// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/paging.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "core/base/errors.h"
#include "core/base/sha256.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::rpc {
namespace {

// Enough to notice a token of another query; it is no secret.
std::string QueryMark(std::string_view query) { return Sha256Hex(query).substr(0, 16); }

// Notices a token that is not as it was made.
std::string BodyMark(const nlohmann::json& token) {
  nlohmann::json body = token;
  body.erase("c");
  return Sha256Hex(body.dump()).substr(0, 8);
}

absl::Status TokenError(std::string reason, std::string description) {
  return InvalidSpecError({{"page_token", std::move(description)}}, std::move(reason));
}

}  // namespace

absl::StatusOr<std::int64_t> PageSize(std::int32_t requested) {
  if (requested < 0) {
    return InvalidSpecError({{"page_size", fmt::format("{}: expected 0 (for {}) or more", requested,
                                                       kDefaultPageSize)}});
  }
  if (requested == 0) return kDefaultPageSize;
  return std::min<std::int64_t>(requested, kMaxPageSize);
}

std::string MakePageToken(const PagePlace& place, std::string_view query) {
  nlohmann::json json = {{"q", QueryMark(query)}};
  if (place.cursor) {
    json["i"] = place.cursor->id;
    if (place.cursor->key) json["k"] = *place.cursor->key;
  }
  if (!place.name.empty()) json["n"] = place.name;
  json["c"] = BodyMark(json);
  return absl::WebSafeBase64Escape(json.dump());
}

absl::StatusOr<std::optional<PagePlace>> ParsePageToken(std::string_view token,
                                                        std::string_view query) {
  if (token.empty()) return std::nullopt;
  const absl::Status invalid =
      TokenError("INVALID_PAGE_TOKEN", "not a next_page_token of this server");
  std::string text;
  if (token.size() > 1024 ||
      !absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &text) ||
      absl::WebSafeBase64Escape(text) != token) {
    return invalid;
  }
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("c", nlohmann::json()) != BodyMark(json)) return invalid;
  if (!json.contains("q") || !json["q"].is_string()) return invalid;
  if (json["q"].get<std::string>() != QueryMark(query)) {
    return TokenError("PAGE_TOKEN_MISMATCH",
                      "the token belongs to a request with another parent, filter or order_by");
  }
  PagePlace place;
  if (json.contains("i")) {
    if (!json["i"].is_number_integer()) return invalid;
    place.cursor.emplace().id = json["i"].get<std::int64_t>();
    if (json.contains("k")) {
      if (!json["k"].is_number()) return invalid;
      place.cursor->key = json["k"].get<double>();
    }
  }
  if (json.contains("n")) {
    if (!json["n"].is_string()) return invalid;
    place.name = json["n"].get<std::string>();
  }
  if (!place.cursor && place.name.empty()) return invalid;
  return place;
}

absl::StatusOr<Order> ParseOrderBy(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(absl::string_view(text.data(), text.size()),
                                                        absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.empty()) return Order{};
  Order order{.field = words[0]};
  if (words.size() > 1) {
    const std::string direction = absl::AsciiStrToLower(words[1]);
    if (words.size() > 2 || (direction != "asc" && direction != "desc")) {
      return InvalidSpecError(
          {{"order_by",
            fmt::format("\"{}\": expected one field and, after it, asc or desc", text)}},
          "INVALID_ORDER");
    }
    if (direction == "desc") order.direction = store::Direction::kDescending;
  }
  return order;
}

std::string ListRequest::QueryText() const {
  return fmt::format("{}\n{}\n{}\n{}", method, parent, filter, order_by);
}

}  // namespace bitsweep::rpc
