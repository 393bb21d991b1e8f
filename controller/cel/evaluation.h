#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cel/ast.h"
#include "controller/cel/function.h"
#include "controller/cel/program.h"
#include "controller/cel/source.h"
#include "controller/cel/validity.h"
#include "controller/cel/value.h"

namespace kr::cel {

// The variable that means the time of the evaluation. Scopes declare it as a timestamp.
inline constexpr std::string_view kNow = "now";

// One evaluation of one expression: walks the checked tree. Errors are values of kind kError inside
// and are absorbed by && and || as CEL wants; only a used-up cost limit ends everything.
class Evaluation {
 public:
  // `source` is what errors point into; `variables` and `locals` as the checker counted them. All
  // references outlive the evaluation.
  Evaluation(const Source& source, const Activation& activation,
             const std::vector<std::string>& variables, size_t locals, absl::Time now,
             const Limits& limits);

  Outcome Run(const Expr& root);

  // For functions.
  Validity& validity() { return validity_; }
  // Adds to the cost. False when the limit is reached: return Exhausted() then, before any work.
  bool Charge(uint64_t cost) {
    cost_ += cost;
    return cost_ <= limit_;
  }
  // Cost of going over so many bytes of text.
  bool ChargeText(size_t bytes) { return Charge(bytes / 10 + 1); }
  static Value Exhausted();

 private:
  Value Eval(const Expr& e);
  Value Visit(const Expr& e);
  void Place(const Expr& e, Value& error);
  Value Variable(const Expr& e);
  // Of the Activation, if it gives fields one by one.
  std::optional<Value> FieldOfVariable(const Expr& e);
  Value Select(const Expr& e);
  Value Index(const Expr& e);
  Value Logical(const Expr& e, bool deciding);
  Value Conditional(const Expr& e);
  Value CallOf(const Expr& e);
  Value OrValue(const Expr& e);
  Value ListOf(const Expr& e);
  Value MapOf(const Expr& e);
  Value MacroOf(const Expr& e);
  Value Quantify(const Expr& e, const Value& range, bool deciding);
  Value ExistsOne(const Expr& e, const Value& range);
  Value Collect(const Expr& e, const Value& range);
  Value CollectMap(const Expr& e, const Value& range);
  // Gives the variables of a macro the element or entry of that place.
  void Bind(const Expr& e, const Value& range, size_t place);
  // Whether the macro takes the bound element: true, false or an error. Its condition, if it has
  // one, is args[1].
  Value Takes(const Expr& e);
  Value SortBy(const Expr& e, const Value& range);
  Value OpenOptional(const Expr& e, const Value& optional);

  const Source& source_;
  const Activation& activation_;
  const std::vector<std::string>& names_;
  std::vector<std::optional<Value>> variables_;
  std::vector<Value> locals_;
  Validity validity_;
  uint64_t cost_ = 0;
  const uint64_t limit_;
  std::optional<uint32_t> exhausted_at_;
};

}  // namespace kr::cel
