// SPDX-License-Identifier: Apache-2.0
#include "client/report/html.h"

#include "client/report/assets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEvil[] = "</script><script>alert(\"1\")</script><!-- ' & --> <b>";

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(EscapeHtmlTest, LeavesNothingThatMeansSomething) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&'</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(EscapeHtml("caf\xc3\xa9 \xff"), "caf\xc3\xa9 ?");
}

TEST(EscapeScriptJsonTest, EndsNoElementAndIsTheSameJson) {
  const nlohmann::json json = {{"name", kEvil}};
  const std::string escaped = EscapeScriptJson(json.dump());
  EXPECT_THAT(escaped, Not(HasSubstr("<")));
  EXPECT_EQ(nlohmann::json::parse(escaped), json);
}

TEST(RenderHtmlTest, EscapesEveryTextOfThePage) {
  const Page page{
      .title = kEvil,
      .subtitle = kEvil,
      .made = kEvil,
      .sections = {{.id = "s",
                    .title = kEvil,
                    .blocks = {Text{Text::Kind::kWarning, kEvil}, Facts{{{kEvil, kEvil}}},
                               Listing{kEvil, kEvil},
                               Table{.title = kEvil,
                                     .mark = kEvil,
                                     .columns = {{kEvil, kEvil}},
                                     .rows = {{.cells = {{kEvil, {}}}}}},
                               Chart{.id = "c",
                                     .title = kEvil,
                                     .caption = kEvil,
                                     .vega_lite = nlohmann::json{{"t", kEvil}}.dump()}}}}};
  const std::string html = RenderHtml(page);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  // The specification's and ours; what the bundled script holds is quoted in it.
  const std::string own = html.substr(0, html.find("<!--\n"));
  EXPECT_EQ(CountOf(own, "<script"), 1u);
  EXPECT_EQ(CountOf(own, "</script>"), 1u);
}

TEST(RenderHtmlTest, AllowsItsOwnScriptAlone) {
  const std::string html = RenderHtml(Page{});
  EXPECT_THAT(html,
              HasSubstr("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"));
  EXPECT_THAT(html, Not(HasSubstr("unsafe-eval")));
  EXPECT_EQ(PageScript().find("</script"), std::string_view::npos);
  EXPECT_EQ(PageScript().find("<!--"), std::string_view::npos);
}

TEST(RenderHtmlTest, HoldsTheLicencesOfWhatItHolds) {
  const std::string html = RenderHtml(Page{});
  for (const char* name : {"vega-lite 6.4.3 (BSD-3-Clause)", "vega-view ", "d3-array ", "ISC"}) {
    EXPECT_THAT(std::string(Licences()), HasSubstr(name));
  }
  EXPECT_THAT(html, HasSubstr(std::string(Licences())));
  EXPECT_EQ(Licences().find("--"), std::string_view::npos);
}

TEST(RenderHtmlTest, WritesNumbersDownWhereTheTextDoesNotShowThem) {
  const Page page{
      .sections = {
          {.id = "s",
           .title = "S",
           .blocks = {Table{
               .columns = {{"a"}, {"n", "", true}, {"m", "", true}, {"k", "", true}},
               .rows = {{.cells = {{"x", {}}, {"1,024", 1024.0}, {"0.7123", 0.71234}, {"", {}}},
                         .is_marked = true}}}}}}};
  EXPECT_THAT(
      RenderHtml(page),
      HasSubstr("<tr class=\"marked\"><th scope=\"row\">x<td class=\"n\" data-v=\"1024\">1,024"
                "<td class=\"n\">0.7123<td class=\"n\">-</tr>"));
}

}  // namespace
}  // namespace bitsweep::report
