// SPDX-License-Identifier: Apache-2.0
// Dictionaries as Python's pprint lays them out; the expected texts are its own (width 80).
#include "client/output/dict_text.h"

#include "gtest/gtest.h"

namespace bitsweep::client {
namespace {

TEST(DictTextTest, KeepsShortOnesOnALine) {
  Dict dict;
  dict["b"] = Dict("2");
  dict["a"]["c"] = Dict(Quoted("x"));
  EXPECT_EQ(dict.Format(80), "{'a': {'c': 'x'}, 'b': 2}");
  EXPECT_EQ(Dict().Format(80), "{}");
}

TEST(DictTextTest, BreaksAfterItemsAndAlignsThem) {
  Dict dict;
  Dict& args = dict["args"];
  Dict& bias = args["bias"]["stat"]["variance_precise"];
  bias["count"] = Dict("5");
  bias["mean"] = Dict("-0.010053220205008984");
  bias["variance"] = Dict("0.05255531892180443");
  args["data_in_0"]["stat"] = Dict();
  dict["results"]["data_out_0"]["stat"] = Dict();
  EXPECT_EQ(dict.Format(80),
            "{'args': {'bias': {'stat': {'variance_precise': {'count': 5,\n"
            "                                                 'mean': -0.010053220205008984,\n"
            "                                                 'variance': 0.05255531892180443}}},\n"
            "          'data_in_0': {'stat': {}}},\n"
            " 'results': {'data_out_0': {'stat': {}}}}");
}

TEST(DictTextTest, LeavesRoomForWhatFollowsAnItem) {
  // The inner dictionary has 76 characters and begins in column 6: one too many with its comma.
  Dict dict;
  dict["a"]["k1"] = Dict(Quoted(std::string(30, 'x')));
  dict["a"]["k2"] = Dict(Quoted(std::string(26, 'y')));
  dict["b"] = Dict("1");
  EXPECT_EQ(dict.Format(80),
            "{'a': {'k1': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',\n"
            "       'k2': 'yyyyyyyyyyyyyyyyyyyyyyyyyy'},\n"
            " 'b': 1}");
}

}  // namespace
}  // namespace bitsweep::client
