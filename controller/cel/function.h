#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cel/ast.h"
#include "controller/cel/terms.h"
#include "controller/cel/value.h"

namespace kr::cel {

class Evaluation;

// One call at run time, its arguments already checked against an overload.
struct Call {
  Evaluation& evaluation;
  std::span<const Value> args;  // of a member call the receiver first
  size_t overload;              // index in Function::overloads
  const re2::RE2* pattern;      // compiled already when it is constant
};

// What a function may do with a value that moves with `now`.
enum class NowUse : uint8_t {
  kRefuse,  // its result would change with every instant: refused at compile time
  kKeep,    // its result may move with now as well
  kBound,   // its result holds until an instant that it reports to the Evaluation
};

// Which part of its arguments a function reads, for Program::reads.
enum class ReadUse : uint8_t {
  kWhole,     // everything of all arguments
  kSame,      // the result is (or holds) the first argument; nothing else is read here
  kElements,  // the result is made of elements of the first argument; the others are read whole
  kElement,   // the result is (or holds) one element of the first argument
  kCount,     // how many elements there are
  kPresence,  // nothing beyond that the argument could be evaluated
};

// How much of the arguments is compared with the overloads before a call is run.
enum class Guard : uint8_t {
  kFull,     // kinds, of lists also that of the first element
  kShallow,  // kinds only
  kNone,     // nothing: the function judges for itself, and may do more than its overloads say
};

struct Overload {
  bool member = false;
  std::vector<const Term*> args;
  const Term* result = nullptr;
};

// A function or an operator ("_+_", "@in"): all that the checker, the evaluator and the extraction
// of reads know of it. Adding a function is adding one of these to a family (functions_*.cc).
struct Function {
  std::string name;
  std::vector<Overload> overloads;
  Value (*run)(const Call& call) = nullptr;
  NowUse now = NowUse::kRefuse;
  ReadUse read = ReadUse::kWhole;
  // The index of the argument that is a regular expression, -1 without.
  int pattern = -1;
  Guard guard = Guard::kFull;
};

// How a family declares a function. Overloads are written "(string, int) string", those called on
// a value ".(string, int) string" with the value's type first; single capital letters are type
// parameters, opaque types have their full names.
struct FunctionSpec {
  std::string_view name;
  std::vector<std::string_view> overloads;
  Value (*run)(const Call& call) = nullptr;
  NowUse now = NowUse::kRefuse;
  ReadUse read = ReadUse::kWhole;
  int pattern = -1;
  Guard guard = Guard::kFull;
};

std::vector<FunctionSpec> OperatorFunctions();
std::vector<FunctionSpec> ConversionFunctions();
std::vector<FunctionSpec> StringFunctions();
std::vector<FunctionSpec> FormatFunctions();
std::vector<FunctionSpec> RegexFunctions();
std::vector<FunctionSpec> ListFunctions();
std::vector<FunctionSpec> SetFunctions();
std::vector<FunctionSpec> OptionalFunctions();
std::vector<FunctionSpec> TimeFunctions();
std::vector<FunctionSpec> QuantityFunctions();
std::vector<FunctionSpec> NetFunctions();
std::vector<FunctionSpec> UrlFunctions();
std::vector<FunctionSpec> NameFormatFunctions();

// nullptr when there is none of that name. Thread-safe.
const Function* FindFunction(std::string_view name);
// The names of all functions that are written as names (no operators), for suggestions.
const std::vector<std::string>& FunctionNames();

// True when a value may be passed where an overload declares `term`.
bool FitsAtRunTime(const Value& value, const Term* term, Guard guard);

}  // namespace kr::cel
