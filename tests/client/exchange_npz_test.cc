// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "client/exchange/npz.h"
#include "client/exchange/zip_file.h"
#include "core/base/npy_header.h"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/data/npy_bytes.h"

namespace bitsweep::exchange {
namespace {

using ::bitsweep::data::Npy;
using ::bitsweep::data::NpyHeader;
using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Entries = std::vector<std::pair<std::string, std::string>>;

// x [2] -> norm -> fc [3]: 6 float tensors and num_batches_tracked.
graph::Graph SmallNet() {
  using namespace graph;
  return Graph::Create("small", {Input({2}), Module("norm", BatchNorm1d{2}, "x"),
                                 Module("fc", Linear{2, 3, true}, "norm"), Output("fc")})
      .value();
}

std::string Zip(const Entries& entries) {
  ZipWriter zip;
  for (const auto& [name, content] : entries) EXPECT_TRUE(zip.Add(name, content).ok());
  return zip.Finish().value();
}

// As numpy.savez_compressed.
std::string DeflatedZip(const Entries& entries) {
  std::string bytes(1 << 20, '\0');
  std::size_t used = 0;
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  archive_write_zip_set_compression_deflate(zip);
  archive_write_open_memory(zip, bytes.data(), bytes.size(), &used);
  for (const auto& [name, content] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_write_header(zip, entry);
    archive_write_data(zip, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(zip);
  archive_write_free(zip);
  bytes.resize(used);
  return bytes;
}

Entries SmallArrays(const std::string& prefix = "") {
  return {{prefix + "norm.weight.npy", Npy<float>("<f4", "(2,)", {1, 2})},
          {prefix + "norm.bias.npy", Npy<float>("<f4", "(2,)", {3, 4})},
          {prefix + "norm.running_mean.npy", Npy<float>("<f4", "(2,)", {5, 6})},
          {prefix + "norm.running_var.npy", Npy<float>("<f4", "(2,)", {7, 8})},
          {prefix + "norm.num_batches_tracked.npy", Npy<std::int64_t>("<i8", "()", {11})},
          {prefix + "fc.weight.npy", Npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6})},
          {prefix + "fc.bias.npy", Npy<float>("<f4", "(3,)", {9, 10, 11})}};
}

// With another array for fc.weight.
Entries WithWeight(const std::string& array) {
  Entries entries = SmallArrays();
  entries[5].second = array;
  return entries;
}

void ExpectNpzRefused(const std::string& bytes, const std::string& why) {
  EXPECT_THAT(TensorsFromNpz(SmallNet(), bytes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(NpzTest, ReadsArraysInTheGraphsOrder) {
  for (const std::string& bytes : {Zip(SmallArrays()), DeflatedZip(SmallArrays()),
                                   Zip(SmallArrays("model.")), DeflatedZip(SmallArrays("a.b."))}) {
    ASSERT_OK_AND_ASSIGN(const auto tensors, TensorsFromNpz(SmallNet(), bytes));
    ASSERT_EQ(tensors.size(), 7U);
    EXPECT_EQ(tensors[0].name, "norm.weight");
    EXPECT_THAT(tensors[0].f32, ElementsAre(1, 2));
    EXPECT_THAT(tensors[4].i64, ElementsAre(11));
    EXPECT_THAT(tensors[5].f32, ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(tensors[6].f32, ElementsAre(9, 10, 11));
  }
}

TEST(NpzTest, CountsNoBatchesWhereNoneAreGiven) {
  Entries entries = SmallArrays();
  entries.erase(entries.begin() + 4);
  ASSERT_OK_AND_ASSIGN(const auto tensors, TensorsFromNpz(SmallNet(), Zip(entries)));
  EXPECT_THAT(tensors[4].i64, ElementsAre(0));
}

TEST(NpzTest, ReadsEveryTypeAndOrder) {
  const auto read = [](const std::string& array) {
    return TensorsFromNpz(SmallNet(), Zip(WithWeight(array))).value()[5].f32;
  };
  const auto rows = ElementsAre(1, 2, 3, 4, 5, 6);
  EXPECT_THAT(read(Npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 5, 6})), rows);
  EXPECT_THAT(
      read(Npy<std::uint16_t>("<f2", "(3, 2)", {0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600})),
      rows);
  EXPECT_THAT(read(Npy<float>("<f4", "(3, 2)", {1, 3, 5, 2, 4, 6}, "True")), rows);
  EXPECT_THAT(read(Npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}, "False", 2)), rows);
  EXPECT_THAT(read(Npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}, "False", 3)), rows);
  const auto swapped = [](float value) {
    return __builtin_bswap32(std::bit_cast<std::uint32_t>(value));
  };
  EXPECT_THAT(read(Npy<std::uint32_t>(
                  ">f4", "(3, 2)",
                  {swapped(1), swapped(2), swapped(3), swapped(4), swapped(5), swapped(6)})),
              rows);
  EXPECT_THAT(
      read(Npy<std::uint32_t>(
          ">f4", "(3, 2)", {swapped(1), swapped(3), swapped(5), swapped(2), swapped(4), swapped(6)},
          "True")),
      rows);
  Entries entries = SmallArrays();
  entries[4].second = Npy<std::int32_t>("<i4", "()", {-3});
  EXPECT_THAT(TensorsFromNpz(SmallNet(), Zip(entries)).value()[4].i64, ElementsAre(-3));
}

TEST(NpzTest, PutsThreeDimensionsIntoRows) {
  using namespace graph;
  const Graph net =
      Graph::Create("conv",
                    {Input({3, 4}), Module("c", Conv1d{3, 2, 4, 1, 0, false}, "x"), Output("c")})
          .value();
  std::vector<float> columns(24);
  std::vector<float> rows(24);
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 3; ++b) {
      for (int c = 0; c < 4; ++c) {
        const auto value = static_cast<float>(100 * a + 10 * b + c);
        rows[static_cast<std::size_t>((a * 3 + b) * 4 + c)] = value;
        columns[static_cast<std::size_t>((c * 3 + b) * 2 + a)] = value;
      }
    }
  }
  ASSERT_OK_AND_ASSIGN(
      const auto tensors,
      TensorsFromNpz(net,
                     Zip({{"c.weight.npy", Npy<float>("<f4", "(2, 3, 4)", columns, "True")}})));
  EXPECT_EQ(tensors[0].f32, rows);
}

TEST(NpzTest, ListsEveryProblem) {
  Entries entries = SmallArrays();
  entries[0].second = Npy<std::int64_t>("<i8", "(2,)", {1, 2});
  entries[1].second = Npy<float>("<f4", "(1, 2)", {1, 2});
  entries[4].second = Npy<float>("<f4", "()", {1});
  entries[6].first = "head.bias.npy";
  EXPECT_THAT(TensorsFromNpz(SmallNet(), Zip(entries)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("npz: \"norm.weight\" is <i8, expected f4, f8 or f2"),
                             HasSubstr("\"norm.bias\" has shape [1, 2], expected [2]"),
                             HasSubstr("\"norm.num_batches_tracked\" is <f4, expected i8 or i4"),
                             HasSubstr("\"fc.bias\" is missing"),
                             HasSubstr("\"head.bias\" is no tensor of graph \"small\""))));
  EXPECT_THAT(
      TensorsFromNpz(SmallNet(), Zip({{"a.npy", "hello"},
                                      {"b.txt", "hello"},
                                      {"c.npy", Npy<float>("|O", "(1,)", {1})},
                                      {"d.npy", NpyHeader("<f4", "(1,)")},
                                      {"d.npy", NpyHeader("<f4", "(1,)")}})),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("\"a\": not an npy file"), HasSubstr("\"b.txt\" is no array"),
                     HasSubstr("\"c\" holds pickled objects"), HasSubstr("\"d\" is given twice"))));
}

TEST(NpzTest, RefusesValuesThatAreNotTheShapes) {
  const std::string whole = Npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6});
  ExpectNpzRefused(Zip(WithWeight(whole.substr(0, whole.size() - 4))),
                   "\"fc.weight\": 20 bytes of values, expected 24 of f4 for shape [3, 2]");
  ExpectNpzRefused(Zip(WithWeight(whole + "x")), "\"fc.weight\": more values than the 24 bytes");
  ExpectNpzRefused(Zip(WithWeight(Npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 5, -1e300}))),
                   "\"fc.weight\"[5] is -1e+300: float32 ends at 3.4e38");
  ExpectNpzRefused(Zip(WithWeight(NpyHeader("<f4", "(1099511627776, 1099511627776)"))),
                   "\"fc.weight\" has shape [1099511627776, 1099511627776], expected [3, 2]");
}

// A file of few bytes could otherwise take gigabytes for headers alone.
TEST(NpzTest, RefusesHeadersThatAreLongerThanTheyNeed) {
  std::string sizes = "(";
  for (int i = 0; i < 65; ++i) sizes += "1,";
  ExpectNpzRefused(Zip(WithWeight(NpyHeader("<f4", sizes + ")"))),
                   "\"fc.weight\": a bad header: more than 64 dimensions");
  ExpectNpzRefused(Zip(WithWeight(NpyHeader("<" + std::string(33, 'f'), "(3, 2)"))),
                   "\"fc.weight\": a bad header: a type of 33 characters");
}

TEST(NpzTest, RefusesWhatIsNoZipFile) {
  ExpectNpzRefused("", "npz: zip: ");
  ExpectNpzRefused("PK\3\4", "npz: zip: ");
  std::string damaged = Zip(SmallArrays());
  const std::size_t at = damaged.find("norm.weight.npy") + 15 + 130;
  damaged[at] = static_cast<char>(damaged[at] ^ 1);
  ExpectNpzRefused(damaged, "CRC");
}

TEST(NpzTest, WritesEqualBytesEverywhereAndAtAnyTime) {
  const graph::Graph net = SmallNet();
  ASSERT_OK_AND_ASSIGN(auto tensors, TensorsFromNpz(net, Zip(SmallArrays())));
  const graph::Checkpoint checkpoint{.graph = net, .tensors = tensors, .metadata = {}};
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ToNpz(checkpoint));
  for (const char* zone : {"UTC", "Asia/Tokyo", "America/Los_Angeles"}) {
    setenv("TZ", zone, 1);
    tzset();
    EXPECT_EQ(ToNpz(checkpoint).value(), bytes) << zone;
  }
  unsetenv("TZ");
  tzset();
  ASSERT_OK_AND_ASSIGN(const auto back, TensorsFromNpz(net, bytes));
  EXPECT_EQ(back, tensors);
}

}  // namespace
}  // namespace bitsweep::exchange
