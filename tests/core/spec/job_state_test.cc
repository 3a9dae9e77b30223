// SPDX-License-Identifier: Apache-2.0
#include "core/spec/job_state.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::spec {
namespace {

using enum JobState;

// What may follow what: a row a state, a column an event; "-" is refused.
constexpr char kTable[] = R"(
            LEASE   START    SUCCEED    FAIL    REQUEUE  DIE   CANCEL     RETRY
QUEUED      LEASED  -        -          -       -        -     CANCELLED  -
LEASED      -       RUNNING  -          FAILED  QUEUED   DEAD  CANCELLED  -
RUNNING     -       -        SUCCEEDED  FAILED  QUEUED   DEAD  CANCELLED  -
SUCCEEDED   -       -        -          -       -        -     -          -
FAILED      -       -        -          -       -        -     -          QUEUED
CANCELLED   -       -        -          -       -        -     -          QUEUED
DEAD        -       -        -          -       -        -     -          QUEUED
)";

using Edges = std::map<std::pair<std::string, std::string>, std::string>;  // (from, event) -> to

Edges EdgesOfTable() {
  Edges edges;
  std::istringstream lines(kTable);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  std::istringstream head(line);
  std::vector<std::string> events;
  for (std::string event; head >> event;) events.push_back(event);
  while (std::getline(lines, line)) {
    std::istringstream row(line);
    std::string from;
    row >> from;
    for (const std::string& event : events) row >> edges[{from, event}];
  }
  return edges;
}

// The edges of the first state diagram in docs/state_machine.md: "FROM --> TO : EVENT".
Edges EdgesOfDiagram() {
  std::ifstream file("docs/state_machine.md");
  Edges edges;
  bool in_diagram = false;
  for (std::string line; std::getline(file, line);) {
    if (line.find("stateDiagram") != std::string::npos) in_diagram = true;
    if (in_diagram && line.rfind("```", 0) == 0) break;
    std::istringstream words(line);
    std::string from, arrow, to, colon, event;
    words >> from >> arrow >> to >> colon >> event;
    if (!in_diagram || arrow != "-->" || from == "[*]" || to == "[*]") continue;
    edges[{from, event}] = to;
  }
  return edges;
}

TEST(JobStateTest, EveryPairOfStateAndEventFollowsTheTable) {
  const Edges expected = EdgesOfTable();
  ASSERT_EQ(expected.size(), kAllJobStates.size() * kAllJobEvents.size());
  for (const JobState from : kAllJobStates) {
    for (const JobEvent event : kAllJobEvents) {
      const std::optional<JobState> next = Next(from, event);
      const std::string to = next ? std::string(Name(*next)) : "-";
      EXPECT_EQ(to, expected.at({std::string(Name(from)), std::string(Name(event))}))
          << Name(from) << " " << Name(event);
    }
  }
}

TEST(JobStateTest, TheDiagramShowsExactlyTheTransitions) {
  Edges expected;
  for (const JobTransition& row : JobTransitions()) {
    expected[{std::string(Name(row.from)), std::string(Name(row.event))}] = Name(row.to);
  }
  EXPECT_EQ(EdgesOfDiagram(), expected);
}

TEST(JobStateTest, EachStateAndEventHasOneRowAtMost) {
  std::set<std::pair<JobState, JobEvent>> seen;
  for (const JobTransition& row : JobTransitions()) {
    EXPECT_TRUE(seen.emplace(row.from, row.event).second) << Name(row.from) << Name(row.event);
  }
}

TEST(JobStateTest, FourStatesAreTerminal) {
  EXPECT_FALSE(IsTerminal(kQueued));
  EXPECT_FALSE(IsTerminal(kLeased));
  EXPECT_FALSE(IsTerminal(kRunning));
  EXPECT_TRUE(IsTerminal(kSucceeded));
  EXPECT_TRUE(IsTerminal(kFailed));
  EXPECT_TRUE(IsTerminal(kCancelled));
  EXPECT_TRUE(IsTerminal(kDead));
}

TEST(JobStateTest, OnlyARetryLeavesATerminalState) {
  for (const JobTransition& row : JobTransitions()) {
    if (IsTerminal(row.from)) {
      EXPECT_EQ(row.event, JobEvent::kRetry);
      EXPECT_EQ(row.to, kQueued);
    }
  }
}

TEST(JobStateTest, NamesParseBack) {
  for (const JobState state : kAllJobStates) EXPECT_EQ(ParseJobState(Name(state)), state);
  EXPECT_EQ(ParseJobState("queued"), std::nullopt);
  EXPECT_EQ(ParseJobState(""), std::nullopt);
}

TEST(JobCountsTest, PlannedIsTheSumOfAllStates) {
  JobCounts counts;
  std::int64_t next = 1;
  for (const JobState state : kAllJobStates) {
    counts.Of(state) = next;
    next *= 10;
  }
  EXPECT_EQ(counts.Planned(), 1'111'111);
  EXPECT_EQ(counts.Terminal(), 1'111'000);
  EXPECT_EQ(counts.queued, 1);
  EXPECT_EQ(counts.leased, 10);
  EXPECT_EQ(counts.running, 100);
  EXPECT_EQ(counts.succeeded, 1'000);
  EXPECT_EQ(counts.failed, 10'000);
  EXPECT_EQ(counts.cancelled, 100'000);
  EXPECT_EQ(counts.dead, 1'000'000);
  EXPECT_EQ(std::as_const(counts).Of(kDead), 1'000'000);
}

TEST(SweepStateTest, IsQueuedUntilSomethingStarts) {
  EXPECT_EQ(DeriveSweepState({.queued = 3}, {}), SweepState::kQueued);
}

TEST(SweepStateTest, RunsWhileSomethingIsLeft) {
  EXPECT_EQ(DeriveSweepState({.queued = 2, .leased = 1}, {}), SweepState::kRunning);
  EXPECT_EQ(DeriveSweepState({.running = 1}, {}), SweepState::kRunning);
  EXPECT_EQ(DeriveSweepState({.queued = 2, .succeeded = 1}, {}), SweepState::kRunning);
  EXPECT_EQ(DeriveSweepState({.queued = 2, .dead = 1}, {}), SweepState::kRunning);
}

TEST(SweepStateTest, IsPausedWhileSomethingIsLeft) {
  EXPECT_EQ(DeriveSweepState({.queued = 3}, {.paused = true}), SweepState::kPaused);
  EXPECT_EQ(DeriveSweepState({.running = 1, .succeeded = 2}, {.paused = true}),
            SweepState::kPaused);
  EXPECT_EQ(DeriveSweepState({.succeeded = 3}, {.paused = true}), SweepState::kSucceeded);
}

TEST(SweepStateTest, SucceedsWhenEveryTrialDid) {
  EXPECT_EQ(DeriveSweepState({.succeeded = 3}, {}), SweepState::kSucceeded);
}

TEST(SweepStateTest, PartiallySucceedsWhenSomeDidNot) {
  EXPECT_EQ(DeriveSweepState({.succeeded = 2, .failed = 1}, {}), SweepState::kPartiallySucceeded);
  EXPECT_EQ(DeriveSweepState({.succeeded = 2, .dead = 1}, {}), SweepState::kPartiallySucceeded);
}

TEST(SweepStateTest, FailsWhenNoneSucceeded) {
  EXPECT_EQ(DeriveSweepState({.failed = 3}, {}), SweepState::kFailed);
  EXPECT_EQ(DeriveSweepState({.failed = 1, .dead = 2}, {}), SweepState::kFailed);
}

TEST(SweepStateTest, FailsWhenItsPolicyStoppedIt) {
  EXPECT_EQ(
      DeriveSweepState({.succeeded = 5, .failed = 2, .cancelled = 3}, {.stopped_by_policy = true}),
      SweepState::kFailed);
}

TEST(SweepStateTest, IsCancelledWhenAPersonCancelledWhatWasLeft) {
  EXPECT_EQ(DeriveSweepState({.succeeded = 5, .cancelled = 3}, {.cancelled = true}),
            SweepState::kCancelled);
  EXPECT_EQ(DeriveSweepState({.failed = 1, .cancelled = 3},
                             {.cancelled = true, .stopped_by_policy = true}),
            SweepState::kCancelled);
}

TEST(SweepStateTest, IsNotCancelledWhenNothingWasLeftToCancel) {
  EXPECT_EQ(DeriveSweepState({.succeeded = 3}, {.cancelled = true}), SweepState::kSucceeded);
}

TEST(SweepStateTest, NamesParseBack) {
  for (const SweepState state :
       {SweepState::kQueued, SweepState::kRunning, SweepState::kPaused, SweepState::kSucceeded,
        SweepState::kPartiallySucceeded, SweepState::kFailed, SweepState::kCancelled}) {
    EXPECT_EQ(ParseSweepState(Name(state)), state);
  }
  EXPECT_EQ(Name(SweepState::kPartiallySucceeded), "PARTIALLY_SUCCEEDED");
  EXPECT_EQ(ParseSweepState("DONE"), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::spec
