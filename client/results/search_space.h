// SPDX-License-Identifier: Apache-2.0
// The space that a sweep searched, as Optuna describes one. Used inside this room.
#ifndef BITSWEEP_CLIENT_RESULTS_SEARCH_SPACE_H_
#define BITSWEEP_CLIENT_RESULTS_SEARCH_SPACE_H_

#include <map>
#include <string>

#include "bitsweep/v1/sweep.pb.h"
#include "client/results/message_json.h"

namespace bitsweep::results {

// A distribution a hyper-parameter, each of which holds every value of the sweep: whole and real
// numbers between the lowest and the highest, words among those that occur. A random search's own
// ranges and choices count as values. Numbers are on a logarithmic scale where the random search
// says so, and, of other searches, where the lowest is above 0 and the highest at least ten times
// it.
class SearchSpace {
 public:
  SearchSpace() = default;
  explicit SearchSpace(const v1::Sweep& sweep);

  void Add(const v1::Hyperparameters& values);

  // {NAME: the distribution as text in Optuna's JSON}.
  Json Distributions() const;
  // {NAME: Optuna's internal value}: numbers as they are, words by their place among the choices.
  // REQUIRES: they were added.
  Json InternalValues(const v1::Hyperparameters& values) const;

 private:
  struct Numbers {
    bool is_whole = false;
    bool is_empty = true;
    double low = 0;
    double high = 0;
    v1::Scale scale = v1::SCALE_UNSPECIFIED;  // of a random search's range
  };
  void AddNumber(const std::string& name, bool is_whole, double value);
  template <typename Distribution>
  void AddRange(const std::string& name, bool is_whole, const Distribution& distribution);

  std::map<std::string, Numbers> numbers_;
  std::map<std::string, std::map<int, std::string>> words_;  // by the enum's numbers
};

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_SEARCH_SPACE_H_
