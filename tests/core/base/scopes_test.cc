// SPDX-License-Identifier: Apache-2.0
#include "core/base/scopes.h"

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace bitsweep {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

TEST(ScopesTest, AScopeGrantsItselfAndWhatItIncludes) {
  // Rows: what is held; columns: what is needed: read, submit, worker, admin.
  const std::vector<std::pair<Scope, std::vector<bool>>> table = {
      {Scope::kRead, {true, false, false, false}},
      {Scope::kSubmit, {true, true, false, false}},
      {Scope::kWorker, {false, false, true, false}},
      {Scope::kAdmin, {true, true, true, true}}};
  for (const auto& [held, granted] : table) {
    for (std::size_t needed = 0; needed < kAllScopes.size(); ++needed) {
      EXPECT_EQ(ScopeSet({held}).Grants({kAllScopes[needed]}), granted[needed])
          << Name(held) << " for " << Name(kAllScopes[needed]);
    }
  }
}

TEST(ScopesTest, OneOfSeveralIsEnough) {
  EXPECT_TRUE(ScopeSet({Scope::kWorker}).Grants({Scope::kSubmit, Scope::kWorker}));
  EXPECT_TRUE(ScopeSet({Scope::kRead, Scope::kWorker}).Grants({Scope::kWorker}));
  EXPECT_FALSE(ScopeSet({Scope::kRead, Scope::kWorker}).Grants({Scope::kSubmit}));
  EXPECT_FALSE(ScopeSet().Grants({Scope::kRead}));
  EXPECT_FALSE(ScopeSet({Scope::kAdmin}).Grants({}));
}

TEST(ScopesTest, TextIsReadBack) {
  const ScopeSet scopes = {Scope::kWorker, Scope::kRead};
  EXPECT_EQ(ToText(scopes), "read,worker");
  EXPECT_EQ(*ParseScopes("worker,read"), scopes);
  EXPECT_EQ(*ParseScopes("admin"), ScopeSet({Scope::kAdmin}));
  for (const char* wrong : {"", "read,", ",read", "Read", "read worker", "all"}) {
    EXPECT_THAT(ParseScopes(wrong), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("read, submit, worker or admin")))
        << wrong;
  }
}

}  // namespace
}  // namespace bitsweep
