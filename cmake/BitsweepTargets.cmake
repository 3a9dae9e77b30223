# SPDX-License-Identifier: Apache-2.0
# One target a room: the link graph is the dependency table of docs/architecture.md.

set_property(GLOBAL PROPERTY JOB_POOLS torch=2)

# Flags that every target of ours compiles and links with.
add_library(bitsweep_flags INTERFACE)
target_include_directories(bitsweep_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(bitsweep_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${BITSWEEP_WERROR}>:-Werror>
  $<$<AND:$<BOOL:${BITSWEEP_PCH}>,$<CXX_COMPILER_ID:GNU>>:-fpch-preprocess;-Winvalid-pch>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(BITSWEEP_SANITIZE)
  target_compile_options(bitsweep_flags INTERFACE -fsanitize=${BITSWEEP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # wrong about instrumented code (GCC's manual, -fsanitize)
  target_link_options(bitsweep_flags INTERFACE -fsanitize=${BITSWEEP_SANITIZE})
endif()

# The thread sanitizer must be told what absl's mutexes do: cmake/tsan_absl.cc.
if(BITSWEEP_SANITIZE STREQUAL "thread")
  # Debian's libraries are built without it: their headers must lay out the same types here.
  target_compile_options(bitsweep_flags INTERFACE -U__SANITIZE_THREAD__)
  add_library(bitsweep_tsan_absl OBJECT "${CMAKE_SOURCE_DIR}/cmake/tsan_absl.cc")
  target_link_libraries(bitsweep_tsan_absl PRIVATE absl::synchronization)
endif()

# bitsweep_rooms(FOLDER...): adds each folder that BITSWEEP_ROOMS selects.
function(bitsweep_rooms)
  foreach(room IN LISTS ARGN)
    if(BITSWEEP_ROOMS AND NOT room IN_LIST BITSWEEP_ROOMS)
      continue()
    endif()
    if(EXISTS "${CMAKE_SOURCE_DIR}/${room}/CMakeLists.txt")
      add_subdirectory("${CMAKE_SOURCE_DIR}/${room}" "${CMAKE_BINARY_DIR}/${room}")
    endif()
  endforeach()
endfunction()

# bitsweep_check(TARGET): clang-tidy (.clang-tidy) beside the compiler, where the preset asks for it.
function(bitsweep_check target)
  if(BITSWEEP_CLANG_TIDY)
    set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY "clang-tidy;--quiet")
  endif()
endfunction()

# bitsweep_unite(TARGET): several sources as one where the preset asks for it. Those with options of their own stay alone.
function(bitsweep_unite target)
  if(BITSWEEP_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# bitsweep_library(NAME SRCS ... DEPS ... PRIVATE_DEPS ... [PCH name] [TORCH])
# A static library with the alias bitsweep::NAME. PCH: see BitsweepPch.cmake. TORCH bounds parallel compilation by memory.
function(bitsweep_library name)
  cmake_parse_arguments(ARG "TORCH" "PCH" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(bitsweep_${name} STATIC ${ARG_SRCS})
  add_library(bitsweep::${name} ALIAS bitsweep_${name})
  target_link_libraries(bitsweep_${name} PUBLIC bitsweep_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  bitsweep_check(bitsweep_${name})
  bitsweep_use_pch(bitsweep_${name} "${ARG_PCH}")
  bitsweep_unite(bitsweep_${name})
  if(ARG_TORCH)
    set_target_properties(bitsweep_${name} PROPERTIES JOB_POOL_COMPILE torch)
  endif()
endfunction()

# bitsweep_program(NAME SRCS ... DEPS ...): an executable in bin/.
function(bitsweep_program name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE bitsweep_flags ${ARG_DEPS})
  target_link_options(${name} PRIVATE -Wl,-z,relro,-z,now)
  if(TARGET bitsweep_tsan_absl)
    target_link_libraries(${name} PRIVATE bitsweep_tsan_absl)
  endif()
  bitsweep_check(${name})
endfunction()

# bitsweep_test(NAME SRCS ... DEPS ... LABELS ... [TIMEOUT seconds] [PCH name] [TORCH])
# One ctest test for the whole binary; data folders are given at run time. PCH is "test" where not given.
function(bitsweep_test name)
  cmake_parse_arguments(ARG "TORCH" "TIMEOUT;PCH" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_PCH)
    set(ARG_PCH test)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE bitsweep_flags ${ARG_DEPS} GTest::gmock_main)
  if(TARGET bitsweep_tsan_absl)
    target_link_libraries(${name} PRIVATE bitsweep_tsan_absl)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/bin")
  bitsweep_use_pch(${name} ${ARG_PCH})
  bitsweep_unite(${name})
  if(ARG_TORCH)
    set_target_properties(${name} PROPERTIES JOB_POOL_COMPILE torch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
endfunction()
