// SPDX-License-Identifier: Apache-2.0
// What commands print: progress lines and errors. Tables are in table_test.cc.
#include <sstream>

#include "client/output/error_report.h"
#include "client/output/progress.h"
#include "core/base/errors.h"
#include "gtest/gtest.h"

namespace bitsweep::client {
namespace {

TEST(ShortDurationTest, KeepsTwoUnitsAtMost) {
  EXPECT_EQ(ShortDuration(absl::Milliseconds(400)), "0s");
  EXPECT_EQ(ShortDuration(absl::Milliseconds(600)), "1s");
  EXPECT_EQ(ShortDuration(absl::Seconds(59)), "59s");
  EXPECT_EQ(ShortDuration(absl::Milliseconds(59600)), "1m 00s");
  EXPECT_EQ(ShortDuration(absl::Seconds(187)), "3m 07s");
  EXPECT_EQ(ShortDuration(absl::Seconds(3600 + 120 + 30)), "1h 02m");
  EXPECT_EQ(ShortDuration(-absl::Seconds(5)), "0s");
}

TEST(FormatCountTest, KeepsThreeDigits) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(950), "950");
  EXPECT_EQ(FormatCount(999.6), "1 k");
  EXPECT_EQ(FormatCount(12345), "12.3 k");
  EXPECT_EQ(FormatCount(999600), "1 M");
  EXPECT_EQ(FormatCount(4560000), "4.56 M");
}

Progress Half() {
  return {.ended = 60,
          .planned = 120,
          .running = 4,
          .without_result = 2,
          .state = "RUNNING",
          .rows_per_second = 1234567,
          .eta = absl::Seconds(187),
          .best_val_acc = 0.71239};
}

TEST(FormatProgressTest, ShowsCountsSpeedBestAndEta) {
  EXPECT_EQ(FormatProgress(Half(), 0),
            "60/120  4 running  2 without result  1.23 M rows/s  best val_acc 0.7124  ETA 3m 07s");
}

TEST(FormatProgressTest, FillsTheBarInProportion) {
  const Progress progress{.ended = 60, .planned = 120, .state = "RUNNING"};
  EXPECT_EQ(FormatProgress(progress, 100), "[###############...............] 60/120");
  EXPECT_EQ(FormatProgress({.ended = 3, .planned = 3, .state = "SUCCEEDED"}, 30),
            "[############] 3/3  SUCCEEDED");
}

TEST(FormatProgressTest, FitsTheTerminalWhereTheBarCanGiveWay) {
  const Progress progress{.ended = 60, .planned = 120, .state = "RUNNING"};
  for (int width = 15; width < 60; ++width) {
    EXPECT_LE(FormatProgress(progress, width).size(), static_cast<std::size_t>(width)) << width;
  }
  EXPECT_EQ(FormatProgress(progress, 8), "60/120");
}

TEST(FormatProgressTest, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(FormatProgress({.ended = 0, .planned = 12, .state = "PAUSED"}, 0), "0/12  PAUSED");
}

TEST(ProgressDisplayTest, RedrawsOneLineOnATerminal) {
  std::ostringstream stream;
  {
    ProgressDisplay display(stream, true, 40);
    display.Show({.ended = 0, .planned = 2, .state = "RUNNING"});
    display.Show({.ended = 2, .planned = 2, .state = "SUCCEEDED"});
  }
  EXPECT_EQ(stream.str(),
            "\r\x1b[K[..............................] 0/2"
            "\r\x1b[K[#####################] 2/2  SUCCEEDED\n");
}

TEST(ProgressDisplayTest, SpeaksAboveItsLine) {
  std::ostringstream stream;
  ProgressDisplay display(stream, true, 20);
  display.Show({.ended = 0, .planned = 2, .state = "RUNNING"});
  display.Say("waiting");
  EXPECT_EQ(stream.str(), "\r\x1b[K[............] 0/2\r\x1b[Kwaiting\n[............] 0/2");
}

TEST(ProgressDisplayTest, PrintsALineEachTwentiethElsewhere) {
  std::ostringstream stream;
  ProgressDisplay display(stream, false, 80);
  for (std::int64_t ended = 0; ended <= 100; ++ended) {
    display.Show({.ended = ended, .planned = 100, .state = "RUNNING"});
    display.Show({.ended = ended, .planned = 100, .state = "RUNNING"});
  }
  std::string expected;
  for (int ended = 0; ended <= 100; ended += 5) expected += std::to_string(ended) + "/100\n";
  EXPECT_EQ(stream.str(), expected);
}

TEST(ProgressDisplayTest, PrintsALineForANewStateElsewhere) {
  std::ostringstream stream;
  ProgressDisplay display(stream, false, 80);
  display.Show({.ended = 1, .planned = 100, .state = "RUNNING"});
  display.Show({.ended = 1, .planned = 100, .state = "PAUSED"});
  EXPECT_EQ(stream.str(), "1/100\n1/100  PAUSED\n");
}

TEST(ErrorReportTest, NamesReasonAndMessage) {
  EXPECT_EQ(ReportError(NotFoundError("sweep", "sweeps/lab-9"), "host:1"),
            "bitsweep: SWEEP_NOT_FOUND: no such sweep: sweeps/lab-9\n");
  EXPECT_EQ(ReportError(absl::InvalidArgumentError("x.toml:3: bad"), "host:1"),
            "bitsweep: INVALID_ARGUMENT: x.toml:3: bad\n");
}

TEST(ErrorReportTest, ListsEveryViolation) {
  EXPECT_EQ(ReportError(InvalidSpecError({{"sweep.repeats", "0: expected 1 to 10000"},
                                          {"sweep.base.batch_size", "-1: expected 1 or more"}}),
                        "host:1"),
            "bitsweep: INVALID_SPEC (2 problems)\n"
            "  sweep.repeats: 0: expected 1 to 10000\n"
            "  sweep.base.batch_size: -1: expected 1 or more\n");
}

TEST(ErrorReportTest, SaysWhenToTryAgain) {
  EXPECT_EQ(
      ReportError(ErrorWithDetails(absl::StatusCode::kResourceExhausted, "disk low",
                                   {.reason = "STORE_FULL", .retry_after = absl::Seconds(90)}),
                  "host:1"),
      "bitsweep: STORE_FULL: disk low\n  try again in 1m 30s\n");
}

TEST(ErrorReportTest, AsksWhetherTheServerRuns) {
  EXPECT_EQ(ReportError(absl::UnavailableError("connection refused"), "host:1"),
            "bitsweep: UNAVAILABLE: connection refused\n"
            "  is bitsweep-server running at host:1? (--server, BITSWEEP_SERVER; --tls-ca if it "
            "speaks TLS)\n");
  EXPECT_EQ(ReportError(absl::DeadlineExceededError("Deadline Exceeded"), "host:1"),
            "bitsweep: DEADLINE_EXCEEDED: Deadline Exceeded\n"
            "  host:1 did not answer in time (--timeout)\n");
}

TEST(ExitCodeTest, TellsRefusedFromUnreachableAndDefect) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  for (const absl::StatusCode code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kNotFound,
        absl::StatusCode::kAlreadyExists, absl::StatusCode::kFailedPrecondition,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kUnauthenticated, absl::StatusCode::kAborted}) {
    EXPECT_EQ(ExitCodeOf(absl::Status(code, "x")), 3) << absl::StatusCodeToString(code);
  }
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("x")), 4);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("x")), 4);
  for (const absl::StatusCode code :
       {absl::StatusCode::kInternal, absl::StatusCode::kUnknown, absl::StatusCode::kDataLoss,
        absl::StatusCode::kUnimplemented}) {
    EXPECT_EQ(ExitCodeOf(absl::Status(code, "x")), 5) << absl::StatusCodeToString(code);
  }
}

}  // namespace
}  // namespace bitsweep::client
