// format.dns1123Label().validate(name) and the like.
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/values/name_format.h"

namespace kr::cel {
namespace {

struct Format {
  const values::NameFormat* form;
  std::string ToString() const { return std::string(form->name); }
};
bool SameForm(const Format& a, const Format& b) {
  return a.form == b.form;
}
using FormatValue = OpaqueOf<Format, kNameFormatType, SameForm>;

template <size_t index>
Value Constant(const Call&) {
  return FormatValue::Make({&values::NameFormats()[index]});
}

Value Named(const Call& call) {
  std::string scratch;
  const auto* form = values::FindNameFormat(*call.args[0].Text(scratch));
  return form == nullptr ? Value::None() : Value::Some(FormatValue::Make({form}));
}

// What is wrong; optional.none() when nothing is.
Value Validate(const Call& call) {
  std::string scratch;
  const std::string_view text = *call.args[1].Text(scratch);
  // The forms are patterns of up to about sixty characters, see Search in functions_regex.cc.
  if (!call.evaluation.Charge((text.size() / 10 + 1) * 16)) return Evaluation::Exhausted();
  List problems;
  for (std::string& problem : FormatValue::Get(call.args[0]).form->problems(text)) {
    problems.push_back(Value::String(std::move(problem)));
  }
  return problems.empty() ? Value::None() : Value::Some(Value::FromList(std::move(problems)));
}

template <size_t... index>
std::vector<FunctionSpec> Constants(std::index_sequence<index...>) {
  static const auto* const names = [] {
    auto* all = new std::vector<std::string>;
    for (const auto& form : values::NameFormats())
      all->push_back("format." + std::string(form.key));
    return all;
  }();
  return {{.name = (*names)[index],
           .overloads = {"() kubernetes.NamedFormat"},
           .run = Constant<index>}...};
}

}  // namespace

std::vector<FunctionSpec> NameFormatFunctions() {
  auto functions = Constants(std::make_index_sequence<values::kNameFormats>());
  functions.push_back({.name = "format.named",
                       .overloads = {"(string) optional(kubernetes.NamedFormat)"},
                       .run = Named});
  functions.push_back({.name = "validate",
                       .overloads = {".(kubernetes.NamedFormat, string) optional(list(string))"},
                       .run = Validate});
  return functions;
}

}  // namespace kr::cel
