#include "controller/cel/function.h"

#include <cctype>
#include <deque>
#include <map>
#include <utility>

#include "controller/cel/opaque.h"

namespace kr::cel {
namespace {

using Kind = Type::Kind;

const std::map<std::string_view, Kind>& SimpleTypes() {
  static const auto* const types = new std::map<std::string_view, Kind>{
      {"dyn", Kind::kDyn},           {"null", Kind::kNull},   {"bool", Kind::kBool},
      {"int", Kind::kInt},           {"uint", Kind::kUint},   {"double", Kind::kDouble},
      {"string", Kind::kString},     {"bytes", Kind::kBytes}, {"timestamp", Kind::kTimestamp},
      {"duration", Kind::kDuration},
  };
  return *types;
}

// Reads the signatures of FunctionSpec. They are part of the program, so a wrong one is a bug that
// the first test finds: no errors are reported.
class Signature {
 public:
  Signature(std::string_view text, std::deque<Term>& terms) : text_(text), terms_(terms) {}

  Overload Read() {
    Overload overload;
    overload.member = Accept('.');
    Accept('(');
    while (!Accept(')')) {
      overload.args.push_back(Type());
      Accept(',');
    }
    overload.result = Type();
    return overload;
  }

 private:
  bool Accept(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  const Term* Make(Term term) { return &terms_.emplace_back(term); }

  const Term* Type() {
    Accept(' ');
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalpha(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.')) {
      ++at_;
    }
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name.size() == 1) return Make({.parameter = name[0] - 'A'});
    if (const auto it = SimpleTypes().find(name); it != SimpleTypes().end()) {
      return Make({.kind = it->second});
    }
    if (const OpaqueType* opaque = FindOpaqueType(name); opaque != nullptr) {
      return Make({.kind = Kind::kOpaque, .opaque = opaque});
    }
    Term term{.kind = name == "list"       ? Kind::kList
                      : name == "map"      ? Kind::kMap
                      : name == "optional" ? Kind::kOptional
                                           : Kind::kType};
    Accept('(');
    term.first = Type();
    if (Accept(',')) term.second = Type();
    Accept(')');
    return Make(term);
  }

  const std::string_view text_;
  std::deque<Term>& terms_;
  size_t at_ = 0;
};

struct Table {
  std::deque<Term> terms;
  std::map<std::string, Function, std::less<>> functions;
  std::vector<std::string> names;

  Table() {
    for (auto family :
         {OperatorFunctions, ConversionFunctions, StringFunctions, FormatFunctions, RegexFunctions,
          ListFunctions, SetFunctions, OptionalFunctions, TimeFunctions, QuantityFunctions,
          NetFunctions, UrlFunctions, NameFormatFunctions}) {
      for (const FunctionSpec& spec : family()) Add(spec);
    }
    for (const auto& [name, function] : functions) {
      if (std::isalpha(static_cast<unsigned char>(name[0]))) names.push_back(name);
    }
  }

  void Add(const FunctionSpec& spec) {
    Function function{.name = std::string(spec.name),
                      .overloads = {},
                      .run = spec.run,
                      .now = spec.now,
                      .read = spec.read,
                      .pattern = spec.pattern,
                      .guard = spec.guard};
    for (const std::string_view text : spec.overloads) {
      function.overloads.push_back(Signature(text, terms).Read());
    }
    functions.emplace(function.name, std::move(function));
  }
};

const Table& TheTable() {
  static const Table* const table = new Table();
  return *table;
}

}  // namespace

const Function* FindFunction(std::string_view name) {
  const auto& functions = TheTable().functions;
  const auto it = functions.find(name);
  return it == functions.end() ? nullptr : &it->second;
}

const std::vector<std::string>& FunctionNames() {
  return TheTable().names;
}

bool FitsAtRunTime(const Value& value, const Term* term, Guard guard) {
  if (IsParameter(term)) return true;
  switch (term->kind) {
    case Kind::kDyn:
      return true;
    case Kind::kNull:
      return value.kind() == Value::Kind::kNull;
    case Kind::kBool:
      return value.kind() == Value::Kind::kBool;
    case Kind::kInt:
      return value.kind() == Value::Kind::kInt;
    case Kind::kUint:
      return value.kind() == Value::Kind::kUint;
    case Kind::kDouble:
      return value.kind() == Value::Kind::kDouble;
    case Kind::kString:
      return value.kind() == Value::Kind::kString;
    case Kind::kBytes:
      return value.kind() == Value::Kind::kBytes;
    case Kind::kTimestamp:
      return value.kind() == Value::Kind::kTimestamp;
    case Kind::kDuration:
      return value.kind() == Value::Kind::kDuration;
    case Kind::kType:
      return value.kind() == Value::Kind::kType;
    case Kind::kOptional:
      return value.kind() == Value::Kind::kOptional;
    case Kind::kMap:
      return value.kind() == Value::Kind::kMap;
    case Kind::kList:
      return value.kind() == Value::Kind::kList && (guard == Guard::kShallow || value.size() == 0 ||
                                                    FitsAtRunTime(value.At(0), term->first, guard));
    case Kind::kOpaque:
      return value.AsOpaque() != nullptr && &value.AsOpaque()->type() == term->opaque;
    case Kind::kObject:
    case Kind::kError:
      return false;
  }
  return false;
}

}  // namespace kr::cel
