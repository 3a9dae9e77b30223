// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/filter_sql.h"

#include "core/base/errors.h"
#include "fmt/format.h"

namespace bitsweep::store {
namespace {

const char* Operator(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return "=";
    case Comparison::kNotEqual:
      return "<>";
    case Comparison::kLess:
      return "<";
    case Comparison::kLessOrEqual:
      return "<=";
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterOrEqual:
      break;
  }
  return ">=";
}

}  // namespace

void WhereClause::BindTo(Statement& statement, int first) const {
  for (const auto& value : values) {
    std::visit([&](const auto& v) { statement.Bind(first, v); }, value);
    ++first;
  }
}

absl::StatusOr<WhereClause> ToSql(const std::vector<Condition>& conditions,
                                  const FieldTable& fields, int first) {
  WhereClause where;
  std::vector<FieldViolation> violations;
  for (const Condition& condition : conditions) {
    const auto field = fields.find(condition.field);
    if (field == fields.end()) {
      std::string known;
      for (const auto& [name, entry] : fields) known += (known.empty() ? "" : ", ") + name;
      violations.push_back(
          {"filter", fmt::format("no field \"{}\": expected one of {}", condition.field, known)});
      continue;
    }
    const bool is_number = std::holds_alternative<double>(condition.value);
    if (is_number != (field->second.type == FieldType::kNumber)) {
      violations.push_back({"filter", fmt::format("{}: expected a {}", condition.field,
                                                  is_number ? "text" : "number")});
      continue;
    }
    where.sql += fmt::format(" AND {} {} ?{}", field->second.column, Operator(condition.comparison),
                             first++);
    where.values.push_back(condition.value);
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations), "INVALID_FILTER");
  return where;
}

}  // namespace bitsweep::store
