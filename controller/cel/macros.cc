#include "controller/cel/macros.h"

#include <algorithm>
#include <utility>

namespace kr::cel {
namespace {

struct MacroForm {
  std::string_view name;
  size_t args;  // behind the receiver, the variable included
  Macro macro;
  std::string_view usage;
};

constexpr MacroForm kForms[] = {
    {"all", 2, Macro::kAll, "list.all(x, condition)"},
    {"exists", 2, Macro::kExists, "list.exists(x, condition)"},
    {"exists_one", 2, Macro::kExistsOne, "list.exists_one(x, condition)"},
    {"filter", 2, Macro::kFilter, "list.filter(x, condition)"},
    {"map", 2, Macro::kMap, "list.map(x, result) or list.map(x, condition, result)"},
    {"map", 3, Macro::kMapFilter, "list.map(x, result) or list.map(x, condition, result)"},
    {"sortBy", 2, Macro::kSortBy, "list.sortBy(x, key)"},
    {"optMap", 2, Macro::kOptMap, "optional.optMap(x, result)"},
    {"optFlatMap", 2, Macro::kOptFlatMap, "optional.optFlatMap(x, optional result)"},
};
constexpr std::string_view kHasUsage = "has(object.field)";

Status NotAName(const Source& source, const Expr& arg, std::string_view macro) {
  return source.ErrorAt(Begin(arg), "the first argument of " + std::string(macro) +
                                        "() names its variable and must be a plain name");
}

Status ExpandHas(const Source& source, Expr& call) {
  Expr& field = *call.args[0];
  if (field.kind != Expr::Kind::kSelect || field.optional || field.test_only) {
    return source.ErrorAt(Begin(field),
                          "has() takes a field selection such as has(object.spec.replicas); "
                          "for keys of a map use 'key' in x");
  }
  ExprPtr select = std::move(call.args[0]);
  select->test_only = true;
  call = std::move(*select);
  return OkStatus();
}

// cel.bind(name, value, body)
Status ExpandBind(const Source& source, Expr& call) {
  if (call.args[1]->kind != Expr::Kind::kIdent) return NotAName(source, *call.args[1], "cel.bind");
  call.name = call.args[1]->name;
  call.args.erase(call.args.begin(), call.args.begin() + 2);
  call.kind = Expr::Kind::kMacro;
  call.macro = Macro::kBind;
  call.member = false;
  return OkStatus();
}

}  // namespace

Status ExpandMacro(const Source& source, Expr& call) {
  if (!call.member) {
    return call.name == "has" && call.args.size() == 1 ? ExpandHas(source, call) : OkStatus();
  }
  if (call.name == "bind" && call.args.size() == 4 && call.args[0]->kind == Expr::Kind::kIdent &&
      call.args[0]->name == "cel") {
    return ExpandBind(source, call);
  }
  for (const MacroForm& form : kForms) {
    if (form.name != call.name || call.args.size() != form.args + 1) continue;
    if (call.args[1]->kind != Expr::Kind::kIdent) {
      return NotAName(source, *call.args[1], form.name);
    }
    call.name = call.args[1]->name;
    call.args.erase(call.args.begin() + 1);
    call.kind = Expr::Kind::kMacro;
    call.macro = form.macro;
    call.member = false;
    return OkStatus();
  }
  return OkStatus();
}

std::string_view MacroUsage(std::string_view name) {
  if (name == "has") return kHasUsage;
  for (const MacroForm& form : kForms) {
    if (form.name == name) return form.usage;
  }
  return "";
}

const std::vector<std::string>& MacroNames() {
  static const std::vector<std::string>* const names = [] {
    auto* list = new std::vector<std::string>{"has"};
    for (const MacroForm& form : kForms) list->emplace_back(form.name);
    return list;
  }();
  return *names;
}

}  // namespace kr::cel
