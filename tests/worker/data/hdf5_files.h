// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_DATA_HDF5_FILES_H_
#define BITSWEEP_TESTS_WORKER_DATA_HDF5_FILES_H_

#include <hdf5.h>

#include <array>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace bitsweep::data {

inline constexpr const char* kColumns[] = {"j_zlogz",
                                           "j_c1_b0_mmdt",
                                           "j_c1_b1_mmdt",
                                           "j_c1_b2_mmdt",
                                           "j_c2_b1_mmdt",
                                           "j_c2_b2_mmdt",
                                           "j_d2_b1_mmdt",
                                           "j_d2_b2_mmdt",
                                           "j_d2_a1_b1_mmdt",
                                           "j_d2_a1_b2_mmdt",
                                           "j_m2_b1_mmdt",
                                           "j_m2_b2_mmdt",
                                           "j_n2_b1_mmdt",
                                           "j_n2_b2_mmdt",
                                           "j_mass_mmdt",
                                           "j_multiplicity",
                                           "j_g",
                                           "j_q",
                                           "j_w",
                                           "j_z",
                                           "j_t",
                                           "j_undef"};
inline constexpr std::size_t kCount = std::size(kColumns);
using JetRow = std::array<double, kCount>;

// An identifier of the library, closed when it goes.
class Hdf5Id {
 public:
  Hdf5Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Hdf5Id() { close_(id_); }
  Hdf5Id(const Hdf5Id&) = delete;
  Hdf5Id& operator=(const Hdf5Id&) = delete;
  hid_t get() const { return id_; }

 private:
  const hid_t id_;
  herr_t (*const close_)(hid_t);
};

// A table of doubles as the JSC set has it, its columns in reverse order and one too many.
inline void WriteJets(const std::string& file, const std::vector<JetRow>& rows,
                      const std::string& without = "") {
  const hid_t type = H5Tcreate(H5T_COMPOUND, kCount * sizeof(double));
  for (std::size_t i = kCount; i-- > 0;) {
    if (kColumns[i] != without) H5Tinsert(type, kColumns[i], i * sizeof(double), H5T_NATIVE_DOUBLE);
  }
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t extent = rows.size();
  const hid_t space = H5Screate_simple(1, &extent, nullptr);
  const hid_t set =
      H5Dcreate2(out, "t_allpar_new", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(out);
  H5Tclose(type);
}

// An array at `name` of an open file.
template <typename T>
void WriteArray(hid_t file, const char* name, hid_t type, std::vector<hsize_t> shape,
                const std::vector<T>& values) {
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
}

}  // namespace bitsweep::data

#endif  // BITSWEEP_TESTS_WORKER_DATA_HDF5_FILES_H_
