// SPDX-License-Identifier: Apache-2.0
#include <hdf5.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/data/loaders.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

constexpr char kJetTable[] = "t_allpar_new";
constexpr std::array kJetFeatures = {
    "j_zlogz",         "j_c1_b0_mmdt",    "j_c1_b1_mmdt", "j_c1_b2_mmdt",
    "j_c2_b1_mmdt",    "j_c2_b2_mmdt",    "j_d2_b1_mmdt", "j_d2_b2_mmdt",
    "j_d2_a1_b1_mmdt", "j_d2_a1_b2_mmdt", "j_m2_b1_mmdt", "j_m2_b2_mmdt",
    "j_n2_b1_mmdt",    "j_n2_b2_mmdt",    "j_mass_mmdt",  "j_multiplicity"};
constexpr std::array kJetClasses = {"j_g", "j_q", "j_w", "j_z", "j_t"};

// Debian's library is not built for threads.
ABSL_CONST_INIT absl::Mutex hdf5_mutex(absl::kConstInit);

// An identifier of the library, closed when it goes.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  const hid_t id_;
  herr_t (*const close_)(hid_t);
};

// What the library says of its latest error: the innermost description.
std::string LastError() {
  std::string text = "unknown";
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
        if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &text);
  return text;
}

absl::Status Hdf5Error(const std::string& shown, const std::string& what) {
  return DataError(fmt::format("{}: {} ({})", shown, what, LastError()));
}

// Access to arrays of this file alone: a link to another file is not followed.
class OwnArrays {
 public:
  OwnArrays() : list_(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose) {
    H5Pset_elink_cb(
        list_.get(),
        [](const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) -> herr_t {
          return -1;
        },
        nullptr);
  }
  hid_t get() const { return list_.get(); }

 private:
  const Id list_;
};

bool Exists(hid_t file, const std::string& path) {
  return H5Lexists(file, path.c_str(), OwnArrays().get()) > 0;
}

// An error for an array whose values lie in other files: they could be outside the data root.
absl::Status HasItsOwnValues(hid_t dataset, const std::string& place) {
  const Id creation(H5Dget_create_plist(dataset), H5Pclose);
  if (H5Pget_layout(creation.get()) != H5D_VIRTUAL && H5Pget_external_count(creation.get()) == 0) {
    return absl::OkStatus();
  }
  return DataError(
      fmt::format("{}: its values lie in other files: expected them in this one", place));
}

absl::StatusOr<std::vector<std::int64_t>> ShapeOf(hid_t dataset, const std::string& place) {
  const Id space(H5Dget_space(dataset), H5Sclose);
  const int rank = space.ok() ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (rank < 0 || rank > 8) return Hdf5Error(place, "its shape cannot be read");
  std::array<hsize_t, 8> extents{};
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  return std::vector<std::int64_t>(extents.begin(), extents.begin() + rank);
}

// How many values the shape has. An error when the file claims far more than it stores: unwritten
// values take no room in it, and the best compression is about 1000 to 1.
absl::StatusOr<std::size_t> CountOf(hid_t dataset, const std::vector<std::int64_t>& shape,
                                    const std::string& place) {
  constexpr std::uint64_t kMostPerStoredByte = 2048;
  const std::uint64_t most = H5Dget_storage_size(dataset) * kMostPerStoredByte;
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && count > most / static_cast<std::uint64_t>(extent))) {
      return DataError(fmt::format("{}: shape ({}): far more values than the {} bytes stored",
                                   place, fmt::join(shape, ", "), most / kMostPerStoredByte));
    }
    count *= static_cast<std::uint64_t>(extent);
  }
  return static_cast<std::size_t>(count);
}

// One array of numbers, whole.
struct Numbers {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

absl::StatusOr<Numbers> ReadNumbers(hid_t file, const std::string& key, const std::string& shown) {
  const std::string place = fmt::format("{}:{}", shown, key);
  const OwnArrays access;
  const Id dataset(H5Dopen2(file, key.c_str(), access.get()), H5Dclose);
  if (!dataset.ok()) return Hdf5Error(place, "not an array of this file");
  RETURN_IF_ERROR(HasItsOwnValues(dataset.get(), place));
  const Id type(H5Dget_type(dataset.get()), H5Tclose);
  const H5T_class_t type_class = H5Tget_class(type.get());
  if (type_class != H5T_INTEGER && type_class != H5T_FLOAT && type_class != H5T_ENUM) {
    return DataError(fmt::format("{}: not an array of numbers", place));
  }
  Numbers numbers;
  ASSIGN_OR_RETURN(numbers.shape, ShapeOf(dataset.get(), place));
  ASSIGN_OR_RETURN(const std::size_t count, CountOf(dataset.get(), numbers.shape, place));
  numbers.values.resize(count);
  if (H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
              numbers.values.data()) < 0) {
    return Hdf5Error(place, "cannot be read: is the file complete?");
  }
  return numbers;
}

absl::StatusOr<Table> ReadArrays(hid_t file, const std::string& x_key, const std::string& y_key,
                                 const std::string& shown) {
  ASSIGN_OR_RETURN(const Numbers x, ReadNumbers(file, x_key, shown));
  ASSIGN_OR_RETURN(const Numbers y, ReadNumbers(file, y_key, shown));
  if (x.shape.size() != 2) {
    return DataError(fmt::format("{}:{}: shape ({}): expected [rows, features]", shown, x_key,
                                 fmt::join(x.shape, ", ")));
  }
  Table table;
  table.features = x.shape[1];
  table.x.assign(x.values.begin(), x.values.end());
  const PlaceOfRow y_place = [&](std::int64_t row) {
    return fmt::format("{}:{}: row {}", shown, y_key, row);
  };
  if (y.shape.size() == 1 || (y.shape.size() == 2 && y.shape[1] == 1)) {
    RETURN_IF_ERROR(SetClassesFromNumbers(y.values, y_place, table));
  } else if (y.shape.size() == 2) {
    RETURN_IF_ERROR(SetClassesFromOneHot(y.values, y.shape[1], y_place, table));
  } else {
    return DataError(fmt::format("{}:{}: shape ({}): expected [rows] or [rows, classes]", shown,
                                 y_key, fmt::join(y.shape, ", ")));
  }
  RETURN_IF_ERROR(CheckAndFinish(
      [&](std::int64_t row) { return fmt::format("{}:{}: row {}", shown, x_key, row); }, table));
  return table;
}

// Numbers of one member of the table's rows.
absl::Status HasMember(hid_t type, const char* name, const std::string& place) {
  const int index = H5Tget_member_index(type, name);
  if (index < 0) return DataError(fmt::format("{}: no column \"{}\"", place, name));
  const H5T_class_t member = H5Tget_member_class(type, static_cast<unsigned>(index));
  if (member == H5T_INTEGER || member == H5T_FLOAT) return absl::OkStatus();
  return DataError(fmt::format("{}: column \"{}\" is not numeric", place, name));
}

absl::StatusOr<Table> ReadJetTable(hid_t file, const std::string& shown) {
  const std::string place = fmt::format("{}:{}", shown, kJetTable);
  const OwnArrays access;
  const Id dataset(H5Dopen2(file, kJetTable, access.get()), H5Dclose);
  if (!dataset.ok()) return Hdf5Error(place, "not a table of this file");
  RETURN_IF_ERROR(HasItsOwnValues(dataset.get(), place));
  const Id type(H5Dget_type(dataset.get()), H5Tclose);
  if (H5Tget_class(type.get()) != H5T_COMPOUND) {
    return DataError(fmt::format("{}: not a table with named columns", place));
  }
  constexpr std::size_t kWidth = kJetFeatures.size() + kJetClasses.size();
  const Id row(H5Tcreate(H5T_COMPOUND, kWidth * sizeof(float)), H5Tclose);
  std::size_t offset = 0;
  const auto add = [&](const char* name) -> absl::Status {
    RETURN_IF_ERROR(HasMember(type.get(), name, place));
    H5Tinsert(row.get(), name, offset, H5T_NATIVE_FLOAT);
    offset += sizeof(float);
    return absl::OkStatus();
  };
  for (const char* name : kJetFeatures) RETURN_IF_ERROR(add(name));
  for (const char* name : kJetClasses) RETURN_IF_ERROR(add(name));

  ASSIGN_OR_RETURN(const std::vector<std::int64_t> shape, ShapeOf(dataset.get(), place));
  if (shape.size() != 1) return DataError(fmt::format("{}: not a table of rows", place));
  ASSIGN_OR_RETURN(const std::size_t rows, CountOf(dataset.get(), shape, place));
  std::vector<float> values(rows * kWidth);
  if (H5Dread(dataset.get(), row.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    return Hdf5Error(place, "cannot be read: is the file complete?");
  }
  Table table;
  table.features = kJetFeatures.size();
  table.feature_names.assign(kJetFeatures.begin(), kJetFeatures.end());
  table.x.reserve(rows * kJetFeatures.size());
  std::vector<double> classes;
  classes.reserve(rows * kJetClasses.size());
  for (std::size_t r = 0; r < rows; ++r) {
    const auto start = values.begin() + static_cast<std::ptrdiff_t>(r * kWidth);
    const auto middle = start + kJetFeatures.size();
    table.x.insert(table.x.end(), start, middle);
    classes.insert(classes.end(), middle, start + kWidth);
  }
  const PlaceOfRow place_of = [&](std::int64_t r) { return fmt::format("{}: row {}", place, r); };
  RETURN_IF_ERROR(SetClassesFromOneHot(classes, kJetClasses.size(), place_of, table));
  for (const char* name : kJetClasses) table.class_names.emplace_back(name + 2);
  RETURN_IF_ERROR(CheckAndFinish(place_of, table));
  return table;
}

}  // namespace

absl::StatusOr<Table> LoadHdf5(const std::filesystem::path& file, const std::string& shown,
                               const spec::DatasetSpec& spec) {
  absl::MutexLock lock(&hdf5_mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are told by us
  const Id opened(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!opened.ok()) return Hdf5Error(shown, "not a complete HDF5 file");
  const bool keys_given = !spec.features_key.empty() || !spec.labels_key.empty();
  if (!keys_given && Exists(opened.get(), kJetTable)) return ReadJetTable(opened.get(), shown);

  std::vector<std::pair<std::string, std::string>> candidates = {{"X", "y"},
                                                                 {"features", "labels"}};
  if (keys_given) {  // what is not given goes by its usual names
    const bool has_x = Exists(opened.get(), "X");
    const bool has_y = Exists(opened.get(), "y") || !Exists(opened.get(), "labels");
    candidates = {{spec.features_key.empty() ? (has_x ? "X" : "features") : spec.features_key,
                   spec.labels_key.empty() ? (has_y ? "y" : "labels") : spec.labels_key}};
  }
  for (const auto& [x_key, y_key] : candidates) {
    if (Exists(opened.get(), x_key) && Exists(opened.get(), y_key)) {
      return ReadArrays(opened.get(), x_key, y_key, shown);
    }
  }
  std::string wanted;
  for (const auto& [x_key, y_key] : candidates) {
    wanted += fmt::format("{}\"{}\" and \"{}\"", wanted.empty() ? "" : ", or ", x_key, y_key);
  }
  return DataError(
      fmt::format("{}: no {}{}", shown, keys_given ? "" : "table \"t_allpar_new\", nor ", wanted));
}

}  // namespace bitsweep::data
