// Follows cel-go's checker, which Kubernetes uses, rule by rule: static types with dyn, unification
// of type parameters, all matching overloads kept as candidates when arguments are dyn.
#include "controller/cel/checker.h"

#include <algorithm>
#include <map>
#include <utility>

#include "controller/cel/check_literals.h"
#include "controller/cel/function.h"
#include "controller/cel/macros.h"
#include "controller/cel/opaque.h"
#include "controller/cel/terms.h"

namespace kr::cel {
namespace {

using Kind = Type::Kind;

// "_+_" as people write it.
std::string Spelling(const std::string& function) {
  if (function == "@in") return "in";
  std::string name;
  for (const char c : function) {
    if (c != '_' || std::isalpha(static_cast<unsigned char>(function[0]))) name.push_back(c);
  }
  return name;
}

bool IsOperator(const std::string& name) {
  return !name.empty() && !std::isalpha(static_cast<unsigned char>(name[0]));
}

// The types that are values as well: type(x) == int.
Kind NamedType(std::string_view name, bool* found) {
  static const auto* const names =
      new std::map<std::string_view, Kind>{{"bool", Kind::kBool},
                                           {"bytes", Kind::kBytes},
                                           {"double", Kind::kDouble},
                                           {"google.protobuf.Duration", Kind::kDuration},
                                           {"int", Kind::kInt},
                                           {"google.protobuf.Timestamp", Kind::kTimestamp},
                                           {"list", Kind::kList},
                                           {"map", Kind::kMap},
                                           {"null_type", Kind::kNull},
                                           {"string", Kind::kString},
                                           {"type", Kind::kType},
                                           {"uint", Kind::kUint},
                                           {"optional_type", Kind::kOptional}};
  const auto it = names->find(name);
  *found = it != names->end();
  return *found ? it->second : Kind::kError;
}

class Checker {
 public:
  Checker(const Source& source, const Scope& scope) : source_(source), scope_(scope) {}

  StatusOr<Checked> Run(Expr& root, const std::optional<Type>& expected) {
    KR_RETURN_IF_ERROR(Visit(root));
    if (expected.has_value() && !types_.Assignable(root.type, types_.FromType(*expected))) {
      return ErrorOf(root, "the expression is of type " + Name(root.type) + ", but " +
                               expected->ToString() + " is needed here");
    }
    KR_RETURN_IF_ERROR(Finish(root, /*in_format=*/false));
    checked_.type = types_.ToType(root.type);
    return std::move(checked_);
  }

 private:
  struct Local {
    std::string name;
    const Term* type;
    int slot;
  };

  Status Error(const Expr& e, std::string_view message) const {
    return source_.ErrorAt(e.offset, message);
  }
  // About a whole operand or result.
  Status ErrorOf(const Expr& e, std::string_view message) const {
    return source_.ErrorAt(Begin(e), message);
  }
  std::string Name(const Term* type) { return types_.ToString(type); }
  const Term* Bool() { return types_.Of(Kind::kBool); }

  Status Visit(Expr& e) {
    switch (e.kind) {
      case Expr::Kind::kLiteral:
        e.type = LiteralType(e.literal);
        return OkStatus();
      case Expr::Kind::kIdent:
        return Ident(e);
      case Expr::Kind::kSelect:
        return Select(e);
      case Expr::Kind::kIndex:
        return Index(e);
      case Expr::Kind::kAnd:
      case Expr::Kind::kOr:
        return Logical(e);
      case Expr::Kind::kConditional:
        return Conditional(e);
      case Expr::Kind::kCall:
        return CallOf(e);
      case Expr::Kind::kList:
        return ListOf(e);
      case Expr::Kind::kMap:
        return MapOf(e);
      case Expr::Kind::kMacro:
        return MacroOf(e);
    }
    return OkStatus();
  }

  const Term* LiteralType(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kBool:
        return Bool();
      case Value::Kind::kInt:
        return types_.Of(Kind::kInt);
      case Value::Kind::kUint:
        return types_.Of(Kind::kUint);
      case Value::Kind::kDouble:
        return types_.Of(Kind::kDouble);
      case Value::Kind::kString:
        return types_.Of(Kind::kString);
      case Value::Kind::kBytes:
        return types_.Of(Kind::kBytes);
      default:
        return types_.Of(Kind::kNull);
    }
  }

  // Turns the node into the type of that name as a value, if there is one.
  bool TypeAsValue(Expr& e, const std::string& name) {
    bool found = false;
    const Kind kind = NamedType(name, &found);
    const OpaqueType* opaque = FindOpaqueType(name);
    if (!found && (opaque == nullptr || !opaque->is_constant)) return false;
    const Term* of = found ? types_.Of(kind) : types_.Opaque(*opaque);
    if (kind == Kind::kList) of = types_.List(types_.FreshParameter());
    if (kind == Kind::kMap) of = types_.Map(types_.FreshParameter(), types_.FreshParameter());
    if (kind == Kind::kOptional) of = types_.Optional(types_.FreshParameter());
    e.kind = Expr::Kind::kLiteral;
    e.literal = Value::TypeName(name);
    e.type = types_.TypeOf(of);
    e.args.clear();
    return true;
  }

  Status Ident(Expr& e) {
    for (auto it = locals_.rbegin(); it != locals_.rend(); ++it) {
      if (it->name != e.name) continue;
      e.slot = it->slot;
      e.type = it->type;
      return OkStatus();
    }
    if (const auto it = scope_.find(e.name); it != scope_.end()) {
      e.is_variable = true;
      e.slot = VariableSlot(e.name);
      e.type = types_.FromType(it->second);
      return OkStatus();
    }
    if (TypeAsValue(e, e.name)) return OkStatus();
    std::vector<std::string> names;
    for (const Local& local : locals_) names.push_back(local.name);
    for (const auto& [name, type] : scope_) names.push_back(name);
    std::string message = "undeclared name '" + e.name + "'" + DidYouMean(e.name, names);
    if (FindFunction(e.name) != nullptr) {
      message += "; there is a function of that name, called as " + e.name + "(...)";
    } else if (message.back() != '?') {
      message += "; declared are: " + Join(names);
    }
    return Error(e, message);
  }

  static std::string Join(std::vector<std::string>& names) {
    std::sort(names.begin(), names.end());
    std::string joined;
    for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
    return joined.empty() ? "nothing" : joined;
  }

  int VariableSlot(const std::string& name) {
    auto& variables = checked_.variables;
    const auto it = std::find(variables.begin(), variables.end(), name);
    if (it != variables.end()) return static_cast<int>(it - variables.begin());
    variables.push_back(name);
    return static_cast<int>(variables.size()) - 1;
  }

  Status Select(Expr& e) {
    if (!e.optional && !e.test_only) {
      const std::string name = QualifiedName(e);
      if (!name.empty() && TypeAsValue(e, name)) return OkStatus();
    }
    KR_RETURN_IF_ERROR(Visit(*e.args[0]));
    const Term* operand = types_.Substitute(e.args[0]->type, /*free_to_dyn=*/false);
    const bool chained = cel::Is(operand, Kind::kOptional);
    if (chained) operand = types_.Substitute(operand->first, /*free_to_dyn=*/false);

    const Term* result = types_.Of(Kind::kDyn);
    if (IsParameter(operand)) {
      types_.Assignable(result, operand);
    } else if (operand->kind == Kind::kMap) {
      result = operand->second;
    } else if (operand->kind == Kind::kObject) {
      const auto it = operand->object->fields.find(e.name);
      if (it == operand->object->fields.end()) return UnknownField(e, *operand->object);
      result = types_.FromType(it->second);
      e.is_field = e.args[0]->is_variable && !e.optional && !e.test_only;
    } else if (!IsDynOrError(operand)) {
      return Error(e, "a value of type " + Name(operand) + " has no field '" + e.name +
                          "'; fields are read of maps and objects");
    }
    if (chained || e.optional) result = types_.Optional(result);
    e.type = e.test_only ? Bool() : result;
    return OkStatus();
  }

  Status UnknownField(const Expr& e, const Type& object) {
    std::vector<std::string> names;
    for (const auto& [name, type] : object.fields) names.push_back(name);
    const std::string parent = QualifiedName(*e.args[0]);
    const std::string guess = DidYouMean(e.name, names);
    return Error(e, (parent.empty() ? "the object" : "'" + parent + "'") + " has no field '" +
                        e.name + "'" + (guess.empty() ? "; it has: " + Join(names) : guess));
  }

  Status Index(Expr& e) {
    KR_RETURN_IF_ERROR(Visit(*e.args[0]));
    KR_RETURN_IF_ERROR(Visit(*e.args[1]));
    const Expr& key = *e.args[1];
    if (key.kind == Expr::Kind::kLiteral && !IsKey(key.literal.kind())) {
      return Error(key,
                   "a " + std::string(TypeNameOf(key.literal)) + " cannot be an index or a key");
    }
    return Resolve(e, *FindFunction(e.optional ? "_[?_]" : "_[_]"));
  }

  static bool IsKey(Value::Kind kind) {
    return kind == Value::Kind::kBool || kind == Value::Kind::kInt || kind == Value::Kind::kUint ||
           kind == Value::Kind::kDouble || kind == Value::Kind::kString;
  }

  Status Wants(const Expr& e, const Term* type, std::string_view where) {
    if (types_.Assignable(e.type, type)) return OkStatus();
    return ErrorOf(e, std::string(where) + " must be " + Name(type) + ", not " + Name(e.type));
  }

  Status Logical(Expr& e) {
    for (const ExprPtr& arg : e.args) KR_RETURN_IF_ERROR(Visit(*arg));
    for (const ExprPtr& arg : e.args) {
      KR_RETURN_IF_ERROR(
          Wants(*arg, Bool(), e.kind == Expr::Kind::kAnd ? "what '&&' joins" : "what '||' joins"));
    }
    e.type = Bool();
    return OkStatus();
  }

  Status Conditional(Expr& e) {
    for (const ExprPtr& arg : e.args) KR_RETURN_IF_ERROR(Visit(*arg));
    KR_RETURN_IF_ERROR(Wants(*e.args[0], Bool(), "the condition of '?'"));
    return SameType(e, *e.args[1], *e.args[2], "the two results of '?'");
  }

  Status SameType(Expr& e, const Expr& a, const Expr& b, std::string_view what) {
    const Term* parameter = types_.FreshParameter();
    if (!types_.AllAssignable({a.type, b.type}, {parameter, parameter})) {
      return Error(e, std::string(what) + " must be of one type, not " + Name(a.type) + " and " +
                          Name(b.type) + "; dyn(...) around one of them lifts that");
    }
    e.type = types_.Substitute(parameter, /*free_to_dyn=*/false);
    return OkStatus();
  }

  Status CallOf(Expr& e) {
    if (e.member) {
      // optional.none(), lists.range(3): the receiver is a part of the name.
      const std::string prefix = QualifiedName(*e.args[0]);
      const std::string name = prefix + "." + e.name;
      if (!prefix.empty() && FindFunction(name) != nullptr) {
        e.name = name;
        e.member = false;
        e.args.erase(e.args.begin());
      }
    }
    const Function* function = FindFunction(e.name);
    if (function == nullptr) return UnknownFunction(e);
    e.function = function;
    for (const ExprPtr& arg : e.args) KR_RETURN_IF_ERROR(Visit(*arg));
    return Resolve(e, *function);
  }

  Status UnknownFunction(const Expr& e) {
    const auto& macros = MacroNames();
    if (const std::string_view usage = MacroUsage(e.name); !usage.empty()) {
      return Error(e, e.name + "() is a macro and is written " + std::string(usage));
    }
    std::vector<std::string> names = FunctionNames();
    names.insert(names.end(), macros.begin(), macros.end());
    // The receiver may be meant as a part of the name: sets.contain(...)
    std::string name = e.name;
    const std::string prefix = e.member ? QualifiedName(*e.args[0]) + "." : ".";
    const bool library = std::any_of(names.begin(), names.end(), [&](const std::string& known) {
      return known.compare(0, prefix.size(), prefix) == 0;
    });
    if (library) name = prefix + name;
    return Error(e, "unknown function '" + name + "()'" + DidYouMean(name, names));
  }

  // Finds the overloads that may be meant; more than one only because of dyn.
  Status Resolve(Expr& e, const Function& function) {
    std::vector<const Term*> args;
    for (const ExprPtr& arg : e.args) args.push_back(arg->type);
    const Term* result = nullptr;
    int matches = 0;
    for (size_t i = 0; i < function.overloads.size(); ++i) {
      const Overload& overload = function.overloads[i];
      if (overload.member != e.member) continue;
      std::vector<const Term*> fresh;
      std::vector<const Term*> wanted;
      for (const Term* arg : overload.args) wanted.push_back(types_.Instantiate(arg, fresh));
      const Term* returns = types_.Instantiate(overload.result, fresh);
      if (!types_.AllAssignable(args, wanted)) continue;
      returns = types_.Substitute(returns, /*free_to_dyn=*/false);
      e.overload = matches++ == 0 ? static_cast<int>(i) : -1;
      if (result == nullptr) {
        result = returns;
      } else if (!cel::Is(result, Kind::kDyn) && !TypeSpace::Same(result, returns)) {
        result = types_.Of(Kind::kDyn);
      }
    }
    if (result == nullptr) return NoOverload(e, function, args);
    e.type = result;
    return OkStatus();
  }

  Status NoOverload(const Expr& e, const Function& function, const std::vector<const Term*>& args) {
    const std::string name = Spelling(function.name);
    if (e.kind == Expr::Kind::kIndex) {
      return Error(e, Name(args[0]) + " cannot be indexed with " + Name(args[1]));
    }
    if (IsOperator(function.name)) {
      std::string message = "'" + name + "' cannot be applied to " + Name(args[0]);
      if (args.size() > 1) message += " and " + Name(args[1]);
      if (name == "==" || name == "!=") message += ": they are never equal; convert one of them";
      return Error(e, message);
    }
    std::string found;
    for (size_t i = e.member ? 1 : 0; i < args.size(); ++i) {
      found += (found.empty() ? "" : ", ") + Name(args[i]);
    }
    std::string possible;
    for (const Overload& overload : function.overloads) {
      possible += (possible.empty() ? "" : ", ") + Describe(name, overload);
    }
    return Error(e, name + "(" + found + ")" + (e.member ? " on " + Name(args[0]) : "") +
                        " does not exist; possible: " + possible);
  }

  std::string Describe(const std::string& name, const Overload& overload) {
    std::vector<const Term*> fresh;
    std::string text;
    for (size_t i = 0; i < overload.args.size(); ++i) {
      const std::string type = Name(types_.Instantiate(overload.args[i], fresh));
      if (i == 0 && overload.member) {
        text = type + "." + name + "(";
      } else {
        if (text.empty()) text = name + "(";
        text += (text.back() == '(' ? "" : ", ") + type;
      }
    }
    return (text.empty() ? name + "(" : text) + ")";
  }

  // The type of an entry marked with '?' is what its optional holds.
  Status Entry(const Expr& e, bool optional, const Term** type) {
    *type = types_.Substitute(e.type, /*free_to_dyn=*/false);
    if (!optional) return OkStatus();
    if (cel::Is(*type, Kind::kOptional)) {
      *type = (*type)->first;
    } else if (!IsDynOrError(*type)) {
      return ErrorOf(e, "an entry marked with '?' must be an optional, not " + Name(*type));
    }
    return OkStatus();
  }

  const Term* Joined(const Term* before, const Term* next) {
    if (before == nullptr) return next;
    return types_.Assignable(before, next) ? types_.MostGeneral(before, next)
                                           : types_.Of(Kind::kDyn);
  }

  Status ListOf(Expr& e) {
    const Term* element = nullptr;
    for (size_t i = 0; i < e.args.size(); ++i) {
      KR_RETURN_IF_ERROR(Visit(*e.args[i]));
      const Term* type = nullptr;
      KR_RETURN_IF_ERROR(Entry(*e.args[i], e.optional_entries[i], &type));
      element = Joined(element, type);
    }
    e.type = types_.List(element == nullptr ? types_.FreshParameter() : element);
    return OkStatus();
  }

  Status MapOf(Expr& e) {
    const Term* key = nullptr;
    const Term* value = nullptr;
    for (size_t i = 0; i < e.args.size(); i += 2) {
      KR_RETURN_IF_ERROR(Visit(*e.args[i]));
      KR_RETURN_IF_ERROR(Visit(*e.args[i + 1]));
      const Term* type = nullptr;
      KR_RETURN_IF_ERROR(Entry(*e.args[i + 1], e.optional_entries[i / 2], &type));
      key = Joined(key, e.args[i]->type);
      value = Joined(value, type);
    }
    if (key == nullptr) {
      key = types_.FreshParameter();
      value = types_.FreshParameter();
    }
    e.type = types_.Map(key, value);
    return OkStatus();
  }

  Status MacroOf(Expr& e) {
    Expr& range = *e.args[0];
    KR_RETURN_IF_ERROR(Visit(range));
    const Term* over = types_.Substitute(range.type, /*free_to_dyn=*/false);
    const Term* variable = types_.Of(Kind::kDyn);
    const Term* second = types_.Of(Kind::kDyn);
    const bool opens_optional = e.macro == Macro::kOptMap || e.macro == Macro::kOptFlatMap;
    if (e.macro == Macro::kBind) {
      variable = over;
    } else if (IsParameter(over)) {
      types_.Assignable(variable, over);
    } else if (opens_optional ? over->kind == Kind::kOptional
                              : over->kind == Kind::kList || over->kind == Kind::kMap) {
      variable = over->first;
      second = over->second;
      if (over->kind == Kind::kList && !e.second.empty()) {
        variable = types_.Of(Kind::kInt);
        second = over->first;
      }
    } else if (!IsDynOrError(over)) {
      return ErrorOf(
          range, opens_optional
                     ? "optMap() and optFlatMap() are called on an optional, not on " + Name(over)
                     : "a " + Name(over) + " has no elements; macros go over lists and maps");
    }
    if (e.macro == Macro::kSortBy && cel::Is(over, Kind::kMap)) {
      return ErrorOf(range, "sortBy() sorts lists, not " + Name(over));
    }

    e.slot = static_cast<int>(checked_.locals++);
    locals_.push_back({e.name, variable, e.slot});
    if (!e.second.empty()) {
      e.second_slot = static_cast<int>(checked_.locals++);
      locals_.push_back({e.second, second, e.second_slot});
    }
    for (size_t i = 1; i < e.args.size(); ++i) KR_RETURN_IF_ERROR(Visit(*e.args[i]));
    locals_.resize(locals_.size() - (e.second.empty() ? 1 : 2));
    return MacroType(e, variable);
  }

  Status MacroType(Expr& e, const Term* variable) {
    const Expr& body = *e.args[1];
    switch (e.macro) {
      case Macro::kAll:
      case Macro::kExists:
      case Macro::kExistsOne:
        e.type = Bool();
        return Wants(body, Bool(), "the condition of the macro");
      case Macro::kFilter:
        e.type = types_.List(variable);
        return Wants(body, Bool(), "the condition of filter()");
      case Macro::kMap:
        e.type = types_.List(body.type);
        return OkStatus();
      case Macro::kMapFilter:
        e.type = types_.List(e.args[2]->type);
        return Wants(body, Bool(), "the condition of map()");
      case Macro::kTransformList:
        e.type = types_.List(e.args.back()->type);
        return Condition(e);
      case Macro::kTransformMap:
        e.type = types_.Map(variable, e.args.back()->type);
        return Condition(e);
      case Macro::kTransformMapEntry: {
        const Term* entries = types_.Map(types_.FreshParameter(), types_.FreshParameter());
        KR_RETURN_IF_ERROR(
            Wants(*e.args.back(), entries, "the result of transformMapEntry()'s expression"));
        e.type = entries;
        return Condition(e);
      }
      case Macro::kSortBy: {
        const Term* key = types_.Substitute(body.type, /*free_to_dyn=*/false);
        // A quirk of cel-go's expansion: all overloads match then, and none decides.
        const bool unclear = cel::Is(e.args[0]->type, Kind::kDyn) && cel::Is(key, Kind::kDyn);
        e.type = unclear ? types_.Of(Kind::kDyn) : types_.List(variable);
        if (Sortable(key)) return OkStatus();
        return Error(body,
                     "the key of sortBy() must be a number, text, bool, time or duration, "
                     "not " +
                         Name(key));
      }
      case Macro::kOptMap:
        e.type = types_.Optional(body.type);
        return OkStatus();
      case Macro::kOptFlatMap: {
        const Term* optional = types_.Optional(types_.FreshParameter());
        KR_RETURN_IF_ERROR(Wants(body, optional, "the result of optFlatMap()'s expression"));
        e.type = types_.MostGeneral(body.type, optional);
        return OkStatus();
      }
      case Macro::kBind:
        e.type = body.type;
        return OkStatus();
      case Macro::kNone:
        break;
    }
    return OkStatus();
  }

  // The condition that the transforming macros may have before their result.
  Status Condition(const Expr& e) {
    return e.args.size() < 3 ? OkStatus() : Wants(*e.args[1], Bool(), "the condition of the macro");
  }

  static bool Sortable(const Term* t) {
    return IsParameter(t) || IsDynOrError(t) || t->kind == Kind::kInt || t->kind == Kind::kUint ||
           t->kind == Kind::kDouble || t->kind == Kind::kBool || t->kind == Kind::kString ||
           t->kind == Kind::kBytes || t->kind == Kind::kTimestamp || t->kind == Kind::kDuration ||
           t->kind == Kind::kNull;
  }

  // When all types are known: notes them in the tree and looks at what only then can be judged.
  Status Finish(Expr& e, bool in_format) {
    e.type = types_.Substitute(e.type, /*free_to_dyn=*/true);
    e.is_list = e.type->kind == Kind::kList;
    const bool format = in_format || (e.kind == Expr::Kind::kCall && e.name == "format");
    for (const ExprPtr& arg : e.args) KR_RETURN_IF_ERROR(Finish(*arg, format));
    if (e.kind == Expr::Kind::kCall) return CheckConstantArguments(source_, types_, e);
    if (in_format) return OkStatus();
    if (e.kind == Expr::Kind::kList) return Homogeneous(e, 0, 1, "elements of a list");
    if (e.kind == Expr::Kind::kMap) {
      KR_RETURN_IF_ERROR(Homogeneous(e, 0, 2, "keys of a map"));
      return Homogeneous(e, 1, 2, "values of a map");
    }
    return OkStatus();
  }

  // Kubernetes wants literals of one type; arguments of format() are exempt.
  Status Homogeneous(const Expr& e, size_t begin, size_t step, std::string_view what) {
    const Term* first = nullptr;
    for (size_t i = begin; i < e.args.size(); i += step) {
      const bool value = step == 1 || begin == 1;
      const Term* type = e.args[i]->type;
      if (value && e.optional_entries[i / step] && type->kind == Kind::kOptional) {
        type = type->first;
      }
      if (first == nullptr) first = type;
      if (TypeSpace::Same(first, type)) continue;
      return ErrorOf(*e.args[i], "the " + std::string(what) + " must be of one type: expected " +
                                     Name(first) + ", found " + Name(type) +
                                     "; dyn(...) around all of them lifts that");
    }
    return OkStatus();
  }

  const Source& source_;
  const Scope& scope_;
  TypeSpace types_;
  std::vector<Local> locals_;
  Checked checked_;
};

}  // namespace

StatusOr<Checked> Check(const Source& source, const Scope& scope, Expr& root,
                        const std::optional<Type>& expected) {
  return Checker(source, scope).Run(root, expected);
}

}  // namespace kr::cel
