#include "controller/cel/macros.h"

#include <algorithm>
#include <utility>

namespace kr::cel {
namespace {

struct MacroForm {
  std::string_view name;
  size_t args;       // behind the receiver, the variables included
  size_t variables;  // names among them, these come first
  Macro macro;
  std::string_view usage;
};

constexpr std::string_view kAllUsage = "list.all(x, condition) or list.all(i, x, condition)";
constexpr std::string_view kExistsUsage =
    "list.exists(x, condition) or list.exists(i, x, condition)";
constexpr std::string_view kExistsOneUsage =
    "list.exists_one(x, condition) or list.exists_one(i, x, condition)";
constexpr std::string_view kMapUsage = "list.map(x, result) or list.map(x, condition, result)";
constexpr std::string_view kTransformListUsage =
    "list.transformList(i, x, result) or list.transformList(i, x, condition, result)";
constexpr std::string_view kTransformMapUsage =
    "map.transformMap(k, v, result) or map.transformMap(k, v, condition, result)";
constexpr std::string_view kTransformMapEntryUsage =
    "map.transformMapEntry(k, v, {key: value}) or map.transformMapEntry(k, v, condition, {key: "
    "value})";

constexpr MacroForm kForms[] = {
    {"all", 2, 1, Macro::kAll, kAllUsage},
    {"all", 3, 2, Macro::kAll, kAllUsage},
    {"exists", 2, 1, Macro::kExists, kExistsUsage},
    {"exists", 3, 2, Macro::kExists, kExistsUsage},
    {"exists_one", 2, 1, Macro::kExistsOne, kExistsOneUsage},
    {"exists_one", 3, 2, Macro::kExistsOne, kExistsOneUsage},
    {"existsOne", 3, 2, Macro::kExistsOne, "list.existsOne(i, x, condition)"},
    {"filter", 2, 1, Macro::kFilter, "list.filter(x, condition)"},
    {"map", 2, 1, Macro::kMap, kMapUsage},
    {"map", 3, 1, Macro::kMapFilter, kMapUsage},
    {"sortBy", 2, 1, Macro::kSortBy, "list.sortBy(x, key)"},
    {"transformList", 3, 2, Macro::kTransformList, kTransformListUsage},
    {"transformList", 4, 2, Macro::kTransformList, kTransformListUsage},
    {"transformMap", 3, 2, Macro::kTransformMap, kTransformMapUsage},
    {"transformMap", 4, 2, Macro::kTransformMap, kTransformMapUsage},
    {"transformMapEntry", 3, 2, Macro::kTransformMapEntry, kTransformMapEntryUsage},
    {"transformMapEntry", 4, 2, Macro::kTransformMapEntry, kTransformMapEntryUsage},
    {"optMap", 2, 1, Macro::kOptMap, "optional.optMap(x, result)"},
    {"optFlatMap", 2, 1, Macro::kOptFlatMap, "optional.optFlatMap(x, optional result)"},
};
constexpr std::string_view kHasUsage = "has(object.field)";

// cel-go keeps what a macro has gathered so far under this name.
constexpr std::string_view kReservedName = "__result__";

Status CheckName(const Source& source, const Expr& arg, std::string_view macro,
                 std::string_view place) {
  if (arg.kind != Expr::Kind::kIdent) {
    return source.ErrorAt(Begin(arg), "the " + std::string(place) + " argument of " +
                                          std::string(macro) +
                                          "() names its variable and must be a plain name");
  }
  if (arg.name != kReservedName) return OkStatus();
  return source.ErrorAt(Begin(arg), "'__result__' cannot be the name of a variable");
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
  KR_RETURN_IF_ERROR(CheckName(source, *call.args[1], "cel.bind", "first"));
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
    KR_RETURN_IF_ERROR(CheckName(source, *call.args[1], form.name, "first"));
    if (form.variables == 2) {
      const Expr& second = *call.args[2];
      KR_RETURN_IF_ERROR(CheckName(source, second, form.name, "second"));
      if (second.name == call.args[1]->name) {
        return source.ErrorAt(second.offset, "both variables of " + std::string(form.name) +
                                                 "() are named '" + second.name + "'");
      }
      call.second = second.name;
      call.args.erase(call.args.begin() + 2);
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
    for (const MacroForm& form : kForms) {
      if (list->back() != form.name) list->emplace_back(form.name);
    }
    return list;
  }();
  return *names;
}

}  // namespace kr::cel
