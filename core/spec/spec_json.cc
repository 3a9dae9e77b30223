// SPDX-License-Identifier: Apache-2.0
#include "core/spec/spec_json.h"

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "core/base/sha256.h"
#include "core/spec/json_reader.h"
#include "core/spec/quantize_json.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::spec {
namespace {

using Json = nlohmann::json;
using Reader = JsonReader;

template <typename Enum>
Json NamesOf(const std::vector<Enum>& values) {
  Json list = Json::array();
  for (const Enum value : values) list.push_back(std::string(Name(value)));
  return list;
}

Json ToJson(const PartialHyperparameters& h) {
  Json json = Json::object();
  if (h.max_epochs) json["max_epochs"] = *h.max_epochs;
  if (h.learning_rate) json["learning_rate"] = *h.learning_rate;
  if (h.batch_size) json["batch_size"] = *h.batch_size;
  if (h.optimizer) json["optimizer"] = std::string(Name(*h.optimizer));
  if (h.weight_decay) json["weight_decay"] = *h.weight_decay;
  if (h.schedule) json["schedule"] = std::string(Name(*h.schedule));
  return json;
}

PartialHyperparameters ReadPartial(const Json& json, const std::string& path) {
  Reader r(json, path);
  PartialHyperparameters h;
  h.max_epochs = r.Maybe<std::int64_t>("max_epochs");
  h.learning_rate = r.Maybe<double>("learning_rate");
  h.batch_size = r.Maybe<std::int64_t>("batch_size");
  if (r.Has("optimizer")) h.optimizer = r.Named("optimizer", ParseOptimizer);
  h.weight_decay = r.Maybe<double>("weight_decay");
  if (r.Has("schedule")) h.schedule = r.Named("schedule", ParseSchedule);
  r.Done();
  return h;
}

Json ToJson(const Axes& axes) {
  return {{"max_epochs", axes.max_epochs},     {"learning_rate", axes.learning_rate},
          {"batch_size", axes.batch_size},     {"optimizer", NamesOf(axes.optimizer)},
          {"weight_decay", axes.weight_decay}, {"schedule", NamesOf(axes.schedule)}};
}

Axes ReadAxes(const Json& json, const std::string& path) {
  Reader r(json, path);
  Axes axes;
  axes.max_epochs = r.Get<std::vector<std::int64_t>>("max_epochs");
  axes.learning_rate = r.Get<std::vector<double>>("learning_rate");
  axes.batch_size = r.Get<std::vector<std::int64_t>>("batch_size");
  axes.optimizer = r.NamedList("optimizer", ParseOptimizer);
  axes.weight_decay = r.Get<std::vector<double>>("weight_decay");
  axes.schedule = r.NamedList("schedule", ParseSchedule);
  r.Done();
  return axes;
}

template <typename T>
Json ToJson(const Distribution<T>& d) {
  return {
      {"values", d.values}, {"min", d.min}, {"max", d.max}, {"scale", std::string(Name(d.scale))}};
}

template <typename T>
Distribution<T> ReadDistribution(Reader& parent, const std::string& key) {
  Reader r(parent.Child(key), parent.PathOf(key));
  Distribution<T> d;
  d.values = r.Get<std::vector<T>>("values");
  d.min = r.Get<T>("min");
  d.max = r.Get<T>("max");
  d.scale = r.Named("scale", ParseScale);
  r.Done();
  return d;
}

Json ToJson(const Search& search) {
  struct Visitor {
    Json operator()(const Single&) const { return Json::object(); }
    Json operator()(const Grid& s) const { return {{"grid", ToJson(s.axes)}}; }
    Json operator()(const OneAtATime& s) const { return {{"one_at_a_time", ToJson(s.axes)}}; }
    Json operator()(const Points& s) const {
      Json list = Json::array();
      for (const PartialHyperparameters& point : s.points) list.push_back(ToJson(point));
      return {{"points", std::move(list)}};
    }
    Json operator()(const RandomSearch& s) const {
      return {{"random",
               {{"count", s.count},
                {"max_epochs", ToJson(s.max_epochs)},
                {"learning_rate", ToJson(s.learning_rate)},
                {"batch_size", ToJson(s.batch_size)},
                {"optimizer", NamesOf(s.optimizer)},
                {"weight_decay", ToJson(s.weight_decay)},
                {"schedule", NamesOf(s.schedule)}}}};
    }
  };
  return std::visit(Visitor{}, search);
}

Search ReadSearch(const Json& json) {
  if (json.is_object() && json.empty()) return Single{};
  Reader r(json, "search");
  Search search;
  if (r.Has("grid")) {
    search = Grid{ReadAxes(r.Child("grid"), r.PathOf("grid"))};
  } else if (r.Has("one_at_a_time")) {
    search = OneAtATime{ReadAxes(r.Child("one_at_a_time"), r.PathOf("one_at_a_time"))};
  } else if (r.Has("points")) {
    Points points;
    if (!r.Child("points").is_array()) r.Fail("points", "wrong type");
    for (const Json& point : r.Child("points")) {
      points.points.push_back(ReadPartial(point, r.PathOf("points")));
    }
    search = std::move(points);
  } else {
    Reader in(r.Child("random"), r.PathOf("random"));
    RandomSearch random;
    random.count = in.Get<std::int64_t>("count");
    random.max_epochs = ReadDistribution<std::int64_t>(in, "max_epochs");
    random.learning_rate = ReadDistribution<double>(in, "learning_rate");
    random.batch_size = ReadDistribution<std::int64_t>(in, "batch_size");
    random.optimizer = in.NamedList("optimizer", ParseOptimizer);
    random.weight_decay = ReadDistribution<double>(in, "weight_decay");
    random.schedule = in.NamedList("schedule", ParseSchedule);
    in.Done();
    search = std::move(random);
  }
  r.Done();
  return search;
}

Json ToJson(const DatasetSpec& d) {
  return {{"name", d.name},
          {"synthetic_rows", d.synthetic_rows},
          {"synthetic_seed", d.synthetic_seed},
          {"label_column", d.label_column},
          {"feature_columns", d.feature_columns},
          {"labels_file", d.labels_file},
          {"features_key", d.features_key},
          {"labels_key", d.labels_key},
          {"drop_duplicate_rows", d.drop_duplicate_rows},
          {"validation_fraction", d.validation_fraction},
          {"split_seed", d.split_seed},
          {"stratified", d.stratified},
          {"scaler", std::string(Name(d.scaler))},
          {"validation", std::string(Name(d.validation))}};
}

DatasetSpec ReadDataset(const Json& json) {
  Reader r(json, "dataset");
  DatasetSpec d;
  d.name = r.Get<std::string>("name");
  d.synthetic_rows = r.Get<std::int64_t>("synthetic_rows");
  d.synthetic_seed = r.Get<std::int64_t>("synthetic_seed");
  d.label_column = r.Get<std::string>("label_column");
  d.feature_columns = r.Get<std::vector<std::string>>("feature_columns");
  d.labels_file = r.Get<std::string>("labels_file");
  d.features_key = r.Get<std::string>("features_key");
  d.labels_key = r.Get<std::string>("labels_key");
  d.drop_duplicate_rows = r.Get<bool>("drop_duplicate_rows");
  d.validation_fraction = r.Get<double>("validation_fraction");
  d.split_seed = r.Get<std::int64_t>("split_seed");
  d.stratified = r.Get<bool>("stratified");
  d.scaler = r.Named("scaler", ParseScaler);
  d.validation = r.Named("validation", ParseValidation);
  r.Done();
  return d;
}

Json ToJson(const ModelSpec& m) {
  Json json = {{"builtin", m.builtin}, {"stored", m.stored}, {"graph_json", m.graph_json}};
  if (m.output_activation)
    json["output_activation"] = std::string(graph::Name(*m.output_activation));
  return json;
}

ModelSpec ReadModel(const Json& json) {
  Reader r(json, "model");
  ModelSpec m;
  m.builtin = r.Get<std::string>("builtin");
  m.stored = r.Get<std::string>("stored");
  m.graph_json = r.Get<std::string>("graph_json");
  if (r.Has("output_activation")) {
    m.output_activation = r.Named("output_activation", graph::ParseOutputActivation);
  }
  r.Done();
  return m;
}

}  // namespace

std::string ToCanonicalJson(const SweepSpec& spec) {
  Json json = {{"display_name", spec.display_name},
               {"model", ToJson(spec.model)},
               {"dataset", ToJson(spec.dataset)},
               {"base", ToJson(spec.base)},
               {"search", ToJson(spec.search)},
               {"repeats", spec.repeats},
               {"seed", spec.seed},
               {"keep_models", std::string(Name(spec.keep_models))},
               {"max_parallel_trials", spec.max_parallel_trials},
               {"priority", spec.priority},
               {"stop_after_failures", spec.failure_policy.stop_after_failures},
               {"engine", std::string(Name(spec.engine))}};
  // Left out when unset, so that the digests of sweeps without it are what they always were.
  if (spec.quantization) json["quantization"] = QuantizeToJson(*spec.quantization);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<SweepSpec> SweepSpecFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("sweep specification: not JSON");
  try {
    Reader r(json, "spec");
    SweepSpec spec;
    spec.display_name = r.Get<std::string>("display_name");
    spec.model = ReadModel(r.Child("model"));
    spec.dataset = ReadDataset(r.Child("dataset"));
    spec.base = ReadPartial(r.Child("base"), r.PathOf("base"));
    spec.search = ReadSearch(r.Child("search"));
    spec.repeats = r.Get<std::int64_t>("repeats");
    spec.seed = r.Get<std::int64_t>("seed");
    spec.keep_models = r.Named("keep_models", ParseKeepModels);
    spec.max_parallel_trials = r.Get<std::int64_t>("max_parallel_trials");
    spec.priority = r.Get<std::int64_t>("priority");
    spec.failure_policy.stop_after_failures = r.Get<std::int64_t>("stop_after_failures");
    spec.engine = r.Named("engine", ParseEngineChoice);
    if (r.Has("quantization")) {
      spec.quantization = ReadQuantize(r.Child("quantization"), r.PathOf("quantization"));
    }
    r.Done();
    return spec;
  } catch (const std::invalid_argument& error) {
    return absl::InvalidArgumentError(fmt::format("sweep specification: {}", error.what()));
  }
}

std::string SpecDigest(const SweepSpec& spec) { return Sha256Hex(ToCanonicalJson(spec)); }

}  // namespace bitsweep::spec
