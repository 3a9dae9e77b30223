// SPDX-License-Identifier: Apache-2.0
// Names of the enumerations of this room, as stored and printed.
#include <algorithm>
#include <array>
#include <utility>

#include "core/spec/dataset_spec.h"
#include "core/spec/hyperparameters.h"
#include "core/spec/job_state.h"
#include "core/spec/sweep_spec.h"
#include "core/spec/trial.h"

namespace bitsweep::spec {
namespace {

template <typename Enum, std::size_t n>
using Table = std::array<std::pair<Enum, std::string_view>, n>;

template <typename Enum, std::size_t n>
std::string_view NameIn(const Table<Enum, n>& table, Enum value) {
  for (const auto& [entry, name] : table) {
    if (entry == value) return name;
  }
  return "unknown";
}

template <typename Enum, std::size_t n>
std::optional<Enum> ParseIn(const Table<Enum, n>& table, std::string_view name) {
  for (const auto& [entry, text] : table) {
    if (text == name) return entry;
  }
  return std::nullopt;
}

constexpr Table<Optimizer, 3> kOptimizers = {
    {{Optimizer::kAdam, "adam"}, {Optimizer::kAdamW, "adamw"}, {Optimizer::kSgd, "sgd"}}};
constexpr Table<Schedule, 2> kSchedules = {
    {{Schedule::kCosine, "cosine"}, {Schedule::kConstant, "constant"}}};
constexpr Table<Scaler, 2> kScalers = {{{Scaler::kStandard, "standard"}, {Scaler::kNone, "none"}}};
constexpr Table<Validation, 2> kValidations = {
    {{Validation::kHeldOut, "held_out"}, {Validation::kTrainingRows, "training_rows"}}};
constexpr Table<KeepModels, 3> kKeepModels = {
    {{KeepModels::kAll, "all"}, {KeepModels::kBest, "best"}, {KeepModels::kNone, "none"}}};
constexpr Table<EngineChoice, 3> kEngines = {{{EngineChoice::kAuto, "auto"},
                                              {EngineChoice::kLibtorch, "libtorch"},
                                              {EngineChoice::kFused, "fused"}}};
constexpr Table<Scale, 2> kScales = {{{Scale::kLinear, "linear"}, {Scale::kLog, "log"}}};
constexpr Table<JobState, 7> kJobStates = {{{JobState::kQueued, "QUEUED"},
                                            {JobState::kLeased, "LEASED"},
                                            {JobState::kRunning, "RUNNING"},
                                            {JobState::kSucceeded, "SUCCEEDED"},
                                            {JobState::kFailed, "FAILED"},
                                            {JobState::kCancelled, "CANCELLED"},
                                            {JobState::kDead, "DEAD"}}};
constexpr Table<JobEvent, 8> kJobEvents = {{{JobEvent::kLease, "LEASE"},
                                            {JobEvent::kStart, "START"},
                                            {JobEvent::kSucceed, "SUCCEED"},
                                            {JobEvent::kFail, "FAIL"},
                                            {JobEvent::kRequeue, "REQUEUE"},
                                            {JobEvent::kDie, "DIE"},
                                            {JobEvent::kCancel, "CANCEL"},
                                            {JobEvent::kRetry, "RETRY"}}};
constexpr Table<SweepState, 7> kSweepStates = {
    {{SweepState::kQueued, "QUEUED"},
     {SweepState::kRunning, "RUNNING"},
     {SweepState::kPaused, "PAUSED"},
     {SweepState::kSucceeded, "SUCCEEDED"},
     {SweepState::kPartiallySucceeded, "PARTIALLY_SUCCEEDED"},
     {SweepState::kFailed, "FAILED"},
     {SweepState::kCancelled, "CANCELLED"}}};
constexpr Table<FailureReason, 10> kReasons = {
    {{FailureReason::kException, "EXCEPTION"},
     {FailureReason::kNanLoss, "NAN_LOSS"},
     {FailureReason::kOutOfMemory, "OUT_OF_MEMORY"},
     {FailureReason::kTimeout, "TIMEOUT"},
     {FailureReason::kWorkerLost, "WORKER_LOST"},
     {FailureReason::kDatasetNotFound, "DATASET_NOT_FOUND"},
     {FailureReason::kInvalidDataset, "INVALID_DATASET"},
     {FailureReason::kDatasetMismatch, "DATASET_MISMATCH"},
     {FailureReason::kInvalidModel, "INVALID_MODEL"},
     {FailureReason::kArtifactFailed, "ARTIFACT_FAILED"}}};

}  // namespace

std::string_view Name(Optimizer value) { return NameIn(kOptimizers, value); }
std::string_view Name(Schedule value) { return NameIn(kSchedules, value); }
std::string_view Name(Scaler value) { return NameIn(kScalers, value); }
std::string_view Name(Validation value) { return NameIn(kValidations, value); }
std::string_view Name(KeepModels value) { return NameIn(kKeepModels, value); }
std::string_view Name(EngineChoice value) { return NameIn(kEngines, value); }
std::string_view Name(Scale value) { return NameIn(kScales, value); }
std::string_view Name(JobState value) { return NameIn(kJobStates, value); }
std::string_view Name(JobEvent value) { return NameIn(kJobEvents, value); }
std::string_view Name(SweepState value) { return NameIn(kSweepStates, value); }
std::string_view Name(FailureReason value) { return NameIn(kReasons, value); }

std::optional<Optimizer> ParseOptimizer(std::string_view name) {
  return ParseIn(kOptimizers, name);
}
std::optional<Schedule> ParseSchedule(std::string_view name) { return ParseIn(kSchedules, name); }
std::optional<Scaler> ParseScaler(std::string_view name) { return ParseIn(kScalers, name); }
std::optional<Validation> ParseValidation(std::string_view name) {
  return ParseIn(kValidations, name);
}
std::optional<KeepModels> ParseKeepModels(std::string_view name) {
  return ParseIn(kKeepModels, name);
}
std::optional<EngineChoice> ParseEngineChoice(std::string_view name) {
  return ParseIn(kEngines, name);
}
std::optional<Scale> ParseScale(std::string_view name) { return ParseIn(kScales, name); }
std::optional<JobState> ParseJobState(std::string_view name) { return ParseIn(kJobStates, name); }
std::optional<SweepState> ParseSweepState(std::string_view name) {
  return ParseIn(kSweepStates, name);
}
std::optional<FailureReason> ParseFailureReason(std::string_view name) {
  return ParseIn(kReasons, name);
}

}  // namespace bitsweep::spec
