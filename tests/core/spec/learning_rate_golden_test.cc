// SPDX-License-Identifier: Apache-2.0
// The cosine schedule against training.json of the golden folder.
#include "core/spec/hyperparameters.h"
#include "gtest/gtest.h"
#include "tests/support/test_paths.h"

namespace bitsweep::spec {
namespace {

TEST(LearningRateGoldenTest, FollowsTheCosine) {
  const nlohmann::json file = bitsweep::testing::ReadGolden("training.json");
  bitsweep::testing::ExpectKnownKeys(file, {"description", "cosine", "accuracy"}, "training.json");
  const nlohmann::json& cases = file.at("cosine");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::json& expected : cases) {
    bitsweep::testing::ExpectKnownKeys(expected, {"lr0", "T_max", "eta_min", "lr_per_epoch"},
                                       "training.json: cosine");
    Hyperparameters h{.max_epochs = expected.at("T_max").get<std::int64_t>(),
                      .learning_rate = expected.at("lr0").get<double>(),
                      .schedule = Schedule::kCosine};
    const double eta_min = expected.at("eta_min").get<double>();
    ASSERT_TRUE(eta_min == 1e-6 || eta_min == 0) << "no optimizer has eta_min " << eta_min;
    h.optimizer = eta_min == 0 ? Optimizer::kSgd : Optimizer::kAdam;
    const auto rates = expected.at("lr_per_epoch").get<std::vector<double>>();
    for (std::size_t epoch = 0; epoch < rates.size(); ++epoch) {
      EXPECT_NEAR(LearningRateAt(h, static_cast<std::int64_t>(epoch)), rates[epoch],
                  1e-12 * rates[epoch])
          << "lr0 " << h.learning_rate << " T_max " << h.max_epochs << " epoch " << epoch;
    }
  }
}

}  // namespace
}  // namespace bitsweep::spec
