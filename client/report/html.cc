// SPDX-License-Identifier: Apache-2.0
#include "client/report/html.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "client/report/assets.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

// What allows this script and no other: its digest.
std::string ScriptSource(std::string_view script) {
  Sha256 sha;
  sha.Update(script);
  const Sha256Digest digest = sha.Finish();
  return "'sha256-" +
         absl::Base64Escape(
             absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size())) +
         "'";
}

// The number that a reader of `text` sees; nullopt where it is more than one.
std::optional<double> NumberShown(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::size_t kLongText = 40;  // bytes; such cells get room, or they would be towers

class HtmlWriter {
 public:
  explicit HtmlWriter(std::string& out) : out_(out) {}

  void operator()(const Text& text) {
    const char* kind = text.kind == Text::Kind::kNote      ? " class=\"note\""
                       : text.kind == Text::Kind::kWarning ? " class=\"warning\""
                                                           : "";
    out_ += fmt::format("<p{}>{}</p>\n", kind, EscapeHtml(text.text));
  }

  void operator()(const Facts& facts) {
    out_ += "<dl>\n";
    for (const auto& [name, value] : facts.items) {
      out_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", EscapeHtml(name),
                          value.empty() ? "-" : EscapeHtml(value));
    }
    out_ += "</dl>\n";
  }

  void operator()(const Listing& listing) {
    if (!listing.title.empty()) out_ += fmt::format("<h3>{}</h3>\n", EscapeHtml(listing.title));
    out_ += fmt::format("<pre tabindex=\"0\">{}</pre>\n", EscapeHtml(listing.text));
  }

  void operator()(const Table& table) {
    const std::string title = EscapeHtml(table.title);
    out_ += fmt::format(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{0}\" tabindex=\"0\"><table>\n"
        "<caption>{0}</caption>\n<thead><tr>",
        title);
    for (const Column& column : table.columns) {
      out_ += fmt::format(
          "<th scope=\"col\"{}{}><button type=\"button\">{}</button></th>",
          column.is_number ? " class=\"n\"" : "",
          column.help.empty() ? "" : fmt::format(" title=\"{}\"", EscapeHtml(column.help)),
          EscapeHtml(column.name));
    }
    out_ += "</tr></thead>\n<tbody>\n";
    for (const Row& row : table.rows) {
      out_ += row.is_marked ? "<tr class=\"marked\">" : "<tr>";
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        WriteCell(row.cells[i], table.columns[i].is_number, i == 0);
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n";
    if (!table.mark.empty()) {
      out_ += fmt::format("<p class=\"help\">Marked: {}.</p>\n", EscapeHtml(table.mark));
    }
  }

  void operator()(const Chart& chart) {
    const std::string title = EscapeHtml(chart.title);
    const std::string caption = EscapeHtml(chart.caption);
    out_ += fmt::format(
        "<figure id=\"{}\"><figcaption><h3>{}</h3>\n<p>{}</p></figcaption>\n"
        "<div class=\"chart\" role=\"img\" aria-label=\"{}. {}\"><div></div></div>\n"
        "<script type=\"application/json\">{}</script>\n</figure>\n",
        EscapeHtml(chart.id), title, caption, title, caption, EscapeScriptJson(chart.vega_lite));
  }

  void operator()(const Charts& charts) {
    out_ += "<div class=\"side\">\n";
    for (const Chart& chart : charts.charts) (*this)(chart);
    out_ += "</div>\n";
  }

 private:
  // Its number is written down only where the text does not show it. End tags of cells are left
  // out, as HTML allows: a large table is mostly tags.
  void WriteCell(const Cell& cell, bool is_number, bool is_head) {
    out_ += is_head ? "<th scope=\"row\"" : "<td";
    if (is_number) {
      out_ += " class=\"n\"";
    } else if (cell.text.size() > kLongText) {
      out_ += " class=\"l\"";
    }
    if (const double* number = std::get_if<double>(&cell.number);
        number != nullptr && std::isfinite(*number) && !NumberShown(cell.text)) {
      out_ += fmt::format(" data-v=\"{}\"", *number);
    }
    out_ += ">";
    out_ += cell.text.empty() ? "-" : EscapeHtml(cell.text);
  }

  std::string& out_;
};

}  // namespace

std::string EscapeHtml(std::string_view text) {
  return absl::StrReplaceAll(
      ToValidUtf8(text, text.size()),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string EscapeScriptJson(std::string_view json) {
  return absl::StrReplaceAll(std::string(json), {{"<", "\\u003c"}});
}

std::string RenderHtml(const Page& page) {
  std::string out;
  const std::string title = EscapeHtml(page.title);
  out += fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src {}; img-src data:; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>\n{}</style>\n"
      "</head>\n<body>\n<header>\n<button type=\"button\" id=\"scheme\" hidden>Light / "
      "dark</button>\n"
      "<h1>{}</h1>\n",
      ScriptSource(PageScript()), title, PageStyle(), title);
  out += fmt::format("<p class=\"subtitle\">{}</p>\n<p class=\"made\">{}</p>\n",
                     EscapeHtml(page.subtitle), EscapeHtml(page.made));
  out += "<nav aria-label=\"Sections\"><ul>\n";
  for (const Section& section : page.sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", EscapeHtml(section.id),
                       EscapeHtml(section.title));
  }
  out += "</ul></nav>\n</header>\n<main>\n";
  out +=
      "<noscript><p class=\"warning\">Pictures need JavaScript. Every number is in the tables.</p>"
      "</noscript>\n";
  for (const Section& section : page.sections) {
    const std::string id = EscapeHtml(section.id);
    out += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-head\">\n<h2 id=\"{0}-head\">{1}</h2>\n", id,
        EscapeHtml(section.title));
    for (const Block& block : section.blocks) std::visit(HtmlWriter(out), block);
    out += "</section>\n";
  }
  out += fmt::format(
      "</main>\n<footer><p>{} Drawn by Vega-Lite; the licences of what this file holds of others "
      "are in its source.</p></footer>\n",
      EscapeHtml(page.made));
  out += fmt::format("<!--\n{}\n-->\n<script>", Licences());
  out += PageScript();
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace bitsweep::report
