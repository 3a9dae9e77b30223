// SPDX-License-Identifier: Apache-2.0
#include "worker/train/fused/session.h"

#include <algorithm>
#include <new>
#include <utility>

#include "worker/train/fused/flush_denormals.h"

namespace bitsweep::train::fused {
namespace {

constexpr std::size_t kTileFloats = 1 << 16;  // activations and gradients of a tile: 256 KiB
constexpr std::size_t kLargestTile = 256;
constexpr std::int64_t kWorkPerCall = 4'000'000;
constexpr std::int64_t kMostStepsPerCall = 1024;
constexpr std::int64_t kMostTilesBetweenQuestions = 64;

// Samples at once such that `rows` rows of them stay in the cache.
std::size_t CacheTile(std::size_t rows) {
  const std::size_t fitting = kTileFloats / std::max<std::size_t>(rows, 1) / kLanes * kLanes;
  return std::clamp(fitting, kLanes, kLargestTile);
}

std::size_t TrainingTile(const Program& program, std::size_t batch, std::size_t train_rows) {
  const std::size_t whole = std::min(batch, train_rows);
  if (program.needs_whole_batch) return whole;
  return std::min(whole, CacheTile(program.activation_rows + program.gradient_rows));
}

std::size_t EvaluationTile(const Program& program) { return CacheTile(program.activation_rows); }

// Of one sample, forward, in about multiply-adds.
std::int64_t WorkOf(const Program& program) {
  return program.products + 4 * std::int64_t{program.activation_rows};
}

// Floats between rows: whole cache lines, an odd number of them, so that the same sample of
// neighbouring rows falls into different sets of a cache.
std::size_t Stride(std::size_t tile) { return ((tile + kLanes - 1) / kLanes | 1) * kLanes; }

std::size_t Padded(std::size_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

// Where each buffer begins in one block of floats.
struct Layout {
  Layout(const Program& program, std::size_t tile, std::size_t evaluation_tile) {
    const std::size_t stride = std::max(Stride(tile), Stride(evaluation_tile));
    std::size_t scratch = 0;
    for (const Matrix& m : program.matrices) {
      scratch = std::max(scratch, 4 * (std::size_t{m.outputs} * m.inputs * m.kernel + 4));
      if (!m.HasFewSamples(1)) continue;
      const std::size_t samples =
          std::max<std::size_t>(kLanes, Padded(std::min<std::size_t>(tile, m.outputs)));
      scratch = std::max(scratch, (samples + m.outputs) * Padded(m.inputs));
    }
    activations = Take(program.activation_rows * stride);
    gradients = Take(program.gradient_rows * Stride(tile));
    parameters = Take(program.parameters);
    rounded = Take(program.rounded.empty() ? 0 : program.parameters);
    parameter_gradients = Take(program.parameters);
    statistics = Take(program.statistics);
    saved = Take(program.saved);
    folds = Take(scratch);
    losses = Take(stride);
    labels = Take(stride);
    for (const Op& op : program.ops) {
      if (op.kind == OpKind::kDrop) masks.push_back(Take(op.output.count * Stride(tile)));
    }
  }
  std::size_t Take(std::size_t floats) {
    const std::size_t at = total;
    total += Padded(floats);
    return at;
  }

  std::size_t total = 0;
  std::size_t activations, gradients, parameters, rounded, parameter_gradients, statistics, saved,
      folds, losses, labels;
  std::vector<std::size_t> masks;
};

}  // namespace

double BufferBytes(const Program& program, std::int64_t batch_size, std::int64_t train_rows) {
  const std::size_t tile = TrainingTile(program, static_cast<std::size_t>(batch_size),
                                        static_cast<std::size_t>(train_rows));
  const double stride = static_cast<double>(std::max(Stride(tile), Stride(kLargestTile)));
  const double rows =
      2.0 * program.activation_rows + program.gradient_rows;  // masks are some of them again
  return 4 * (rows * stride + 16.0 * program.parameters);
}

Session::Session(const graph::Graph& graph, Program program,
                 const std::vector<graph::TensorValue>& initial, const spec::Hyperparameters& h,
                 const data::Dataset& dataset, std::uint64_t seed)
    : program_(std::move(program)),
      dataset_(dataset),
      train_tile_(TrainingTile(program_, static_cast<std::size_t>(h.batch_size),
                               static_cast<std::size_t>(dataset.train_rows()))),
      evaluation_tile_(EvaluationTile(program_)),
      optimizer_(h.optimizer, h.weight_decay, program_.parameters),
      counters_(program_.counters) {
  const Layout layout(program_, train_tile_, evaluation_tile_);
  memory_ = hwy::AllocateAligned<float>(layout.total);
  if (memory_ == nullptr) throw std::bad_alloc();
  float* const base = memory_.get();
  std::fill(base, base + layout.total, 0.0F);
  buffers_ = {.activations = base + layout.activations,
              .gradients = base + layout.gradients,
              .stride = Stride(train_tile_),
              .parameters = base + layout.parameters,
              .rounded = base + layout.rounded,
              .parameter_gradients = base + layout.parameter_gradients,
              .statistics = base + layout.statistics,
              .saved = base + layout.saved,
              .folds = base + layout.folds,
              .labels = reinterpret_cast<std::int32_t*>(base + layout.labels),
              .losses = base + layout.losses};
  for (const std::size_t mask : layout.masks) {
    masks_.push_back(base + mask);
    readable_masks_.push_back(base + mask);
  }
  buffers_.masks = readable_masks_.data();
  for (const Drop& drop : program_.drops) {
    dropout_.emplace_back(seed, RandomStream::kDropout, drop.node);
  }
  for (std::size_t t = 0; t < program_.tensors.size(); ++t) {
    const TensorPlace& place = program_.tensors[t];
    names_.push_back(graph.tensors()[t].name);
    const graph::TensorValue& value = initial[t];
    if (place.kind == TensorPlace::Kind::kCounter) {
      counters_[place.offset] = value.i64.at(0);
    } else {
      std::copy(value.f32.begin(), value.f32.end(), At(place));
    }
  }
}

float* Session::At(const TensorPlace& place) const {
  return (place.kind == TensorPlace::Kind::kParameter ? buffers_.parameters : buffers_.statistics) +
         place.offset;
}

std::int64_t Session::StepsPerCall(std::int64_t batch_size) const {
  const std::int64_t samples = std::min(batch_size, dataset_.train_rows());
  const std::int64_t work = 3 * WorkOf(program_) * samples + program_.parameters;
  return std::clamp<std::int64_t>(kWorkPerCall / work, 1, kMostStepsPerCall);
}

void Session::DrawMasks(std::size_t count) {
  std::size_t drop = 0;
  for (const Op& op : program_.ops) {
    if (op.kind != OpKind::kDrop) continue;
    const double p = program_.drops[drop].p;
    const float keep = static_cast<float>(1 / (1 - p));
    Random& random = dropout_[drop];
    float* const mask = masks_[drop];
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t f = 0; f < op.output.count; ++f) {
        mask[f * buffers_.stride + i] = static_cast<double>(random.NextFloat()) < p ? 0.0F : keep;
      }
    }
    ++drop;
  }
}

StepReport Session::Step(std::span<const std::uint32_t> rows, std::size_t following,
                         double learning_rate) {
  RoundParameters(program_, buffers_);
  const float scale = 1 / static_cast<float>(rows.size());
  double loss = 0;
  StepReport report;
  for (std::size_t first = 0; first < rows.size(); first += train_tile_) {
    const std::size_t count = std::min(train_tile_, rows.size() - first);
    if (!program_.drops.empty()) DrawMasks(count);
    const TileSums sums = TrainTile(program_, buffers_,
                                    {.x = dataset_.train_x.data(),
                                     .y = dataset_.train_y.data(),
                                     .features = static_cast<std::size_t>(dataset_.features),
                                     .rows = rows.data() + first,
                                     .count = count,
                                     .following = rows.size() - first - count + following},
                                    scale, first > 0);
    loss += sums.loss;
    report.correct += sums.correct;
  }
  for (const Norm& norm : program_.norms) ++counters_[norm.count];
  optimizer_.Step({buffers_.parameters, program_.parameters},
                  {buffers_.parameter_gradients, program_.parameters}, learning_rate);
  report.loss = loss / static_cast<double>(rows.size());
  return report;
}

void Session::Steps(std::span<const std::uint32_t> rows, std::int64_t batch_size,
                    double learning_rate, std::span<StepReport> reports) {
  const FlushDenormals flush;
  const std::size_t batch = static_cast<std::size_t>(batch_size);
  for (StepReport& report : reports) {
    const std::size_t count = std::min(batch, rows.size());
    report = Step(rows.first(count), rows.size() - count, learning_rate);
    rows = rows.subspan(count);
  }
}

EvaluationSums Session::Evaluate(std::int64_t batch_size,
                                 const std::function<bool()>& should_stop) {
  const FlushDenormals flush;
  RoundParameters(program_, buffers_);
  BeginEvaluation(program_, buffers_);
  const std::int64_t tiles_between_questions = std::clamp<std::int64_t>(
      kWorkPerCall / (WorkOf(program_) * static_cast<std::int64_t>(evaluation_tile_)), 1,
      kMostTilesBetweenQuestions);
  Buffers buffers = buffers_;
  buffers.stride = Stride(evaluation_tile_);
  const std::span<const float> x = dataset_.validation_x();
  const std::span<const std::int32_t> y = dataset_.validation_y();
  const std::int64_t all = static_cast<std::int64_t>(y.size());
  EvaluationSums sums;
  double batch_loss = 0;
  std::int64_t batch_rows = 0;
  for (std::int64_t tile = 0; sums.rows < all; ++tile) {
    if (tile % tiles_between_questions == 0 && should_stop()) break;
    const std::size_t count = std::min(evaluation_tile_, static_cast<std::size_t>(all - sums.rows));
    sums.correct += EvaluateTile(program_, buffers,
                                 {.x = x.data(),
                                  .y = y.data(),
                                  .features = static_cast<std::size_t>(dataset_.features),
                                  .first = static_cast<std::size_t>(sums.rows),
                                  .count = count});
    for (std::size_t i = 0; i < count; ++i) {
      const double loss = static_cast<double>(buffers.losses[i]);
      sums.loss_sum += loss;
      batch_loss += loss;
      ++batch_rows;
      ++sums.rows;
      if (batch_rows == batch_size || sums.rows == all) {
        sums.batch_mean_loss.push_back(batch_loss / static_cast<double>(batch_rows));
        batch_loss = 0;
        batch_rows = 0;
      }
    }
  }
  return sums;
}

std::vector<graph::TensorValue> Session::Tensors() const {
  std::vector<graph::TensorValue> values;
  for (std::size_t t = 0; t < program_.tensors.size(); ++t) {
    const TensorPlace& place = program_.tensors[t];
    graph::TensorValue value{.name = names_[t]};
    if (place.kind == TensorPlace::Kind::kCounter) {
      value.i64 = {counters_[place.offset]};
    } else {
      const float* from = At(place);
      value.f32.assign(from, from + place.count);
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace bitsweep::train::fused
