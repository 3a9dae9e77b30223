# SPDX-License-Identifier: Apache-2.0
# Precompiled headers: most of a cold build is reading the same headers of the same libraries. Each is compiled once,
# holds headers of libraries and generated ones (never ours), and serves every target that names it. BITSWEEP_PCH=OFF
# (preset analyze) shows that each file still includes what it uses.

# bitsweep_pch(NAME HEADERS ... DEPS ... [TORCH])
function(bitsweep_pch name)
  cmake_parse_arguments(ARG "TORCH" "" "HEADERS;DEPS" ${ARGN})
  if(NOT BITSWEEP_PCH OR (BITSWEEP_ROOMS AND bitsweep::proto IN_LIST ARG_DEPS AND NOT proto IN_LIST BITSWEEP_ROOMS))
    return()
  endif()
  set(source "${CMAKE_BINARY_DIR}/pch/${name}.cc")
  if(NOT EXISTS "${source}")
    file(WRITE "${source}" "// Compiles the precompiled header ${name}.\n")
  endif()
  add_library(bitsweep_pch_${name} OBJECT "${source}")
  target_link_libraries(bitsweep_pch_${name} PRIVATE bitsweep_flags ${ARG_DEPS})
  target_precompile_headers(bitsweep_pch_${name} PRIVATE ${ARG_HEADERS})
  if(ARG_TORCH)
    set_target_properties(bitsweep_pch_${name} PROPERTIES JOB_POOL_COMPILE torch)
  endif()
endfunction()

# bitsweep_use_pch(TARGET NAME): nothing where NAME is empty or the build has no precompiled headers.
function(bitsweep_use_pch target name)
  if(name AND TARGET bitsweep_pch_${name})
    target_precompile_headers(${target} REUSE_FROM bitsweep_pch_${name})
  endif()
endfunction()

set(standard <algorithm> <array> <chrono> <cmath> <cstdint> <filesystem> <fstream> <functional> <map> <memory> <mutex>
  <numeric> <optional> <set> <span> <sstream> <string> <string_view> <thread> <tuple> <unordered_map> <utility> <variant>
  <vector> <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/synchronization/mutex.h>
  <absl/time/time.h> <fmt/format.h>)
set(standard_deps absl::base absl::status absl::statusor absl::strings absl::synchronization absl::time fmt::fmt)
set(rpc <google/protobuf/util/json_util.h> <grpcpp/grpcpp.h> <bitsweep/v1/admin_service.grpc.pb.h>
  <bitsweep/v1/artifact_service.grpc.pb.h> <bitsweep/v1/model_service.grpc.pb.h> <bitsweep/v1/sweep_service.grpc.pb.h>
  <bitsweep/v1/token_service.grpc.pb.h> <bitsweep/v1/transform_service.grpc.pb.h> <bitsweep/v1/worker_service.grpc.pb.h>)

bitsweep_pch(core HEADERS ${standard} DEPS ${standard_deps})
bitsweep_pch(rpc HEADERS ${standard} ${rpc} DEPS ${standard_deps} bitsweep::proto)
if(BITSWEEP_TESTS)
  bitsweep_pch(test HEADERS ${standard} <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
    DEPS ${standard_deps} GTest::gmock nlohmann_json::nlohmann_json)
  bitsweep_pch(rpc_test HEADERS ${standard} ${rpc} <gmock/gmock.h> <gtest/gtest.h>
    DEPS ${standard_deps} bitsweep::proto GTest::gmock)
endif()
if(BITSWEEP_WITH_TORCH)
  bitsweep_pch(torch TORCH HEADERS <torch/types.h> DEPS bitsweep_torch)
  if(BITSWEEP_TESTS)
    bitsweep_pch(torch_test TORCH HEADERS <torch/types.h> <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
      DEPS bitsweep_torch GTest::gmock nlohmann_json::nlohmann_json)
  endif()
endif()
