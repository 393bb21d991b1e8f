#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cel/value.h"

namespace re2 {
class RE2;
}

namespace kr::cel {

struct Function;
struct Term;

// The macros: calls that bind a variable (`args[1]` and on see it as `name`). Those that go over a
// list or a map may bind two: index or key as `name` and the element or value as `second`. has() is
// no macro of its own but a select with `test_only`.
enum class Macro : uint8_t {
  kNone,
  kAll,                // range, predicate
  kExists,             // range, predicate
  kExistsOne,          // range, predicate
  kFilter,             // range, predicate
  kMap,                // range, transform
  kMapFilter,          // range, predicate, transform
  kSortBy,             // range, key
  kTransformList,      // two variables; range, [predicate,] transform
  kTransformMap,       // two variables; range, [predicate,] transform of the value
  kTransformMapEntry,  // two variables; range, [predicate,] map of new entries
  kOptMap,             // optional, transform
  kOptFlatMap,         // optional, transform
  kBind,               // value, body
};

// A node of a parsed expression; the checker completes it in place.
struct Expr {
  enum class Kind : uint8_t {
    kLiteral,  // literal
    kIdent,    // name
    kSelect,   // args[0].name, args[0].?name with `optional`, has(args[0].name) with `test_only`
    kIndex,    // args[0][args[1]], args[0][?args[1]] with `optional`
    kAnd,      // args, two or more
    kOr,       // args, two or more
    kConditional,  // args[0] ? args[1] : args[2]
    kCall,         // name(args); with `member` args[0] is what it is called on
    kList,         // args; optional_entries marks [?x]
    kMap,          // args: key, value, key, value; optional_entries, one per pair, marks {?k: v}
    kMacro,        // macro, name, second, args
  };

  Kind kind = Kind::kLiteral;
  Macro macro = Macro::kNone;
  bool optional = false;
  bool test_only = false;
  bool member = false;
  uint16_t depth = 1;   // of the tree below
  uint32_t offset = 0;  // in the source: of the name, the operator, the literal
  std::string name;
  std::string second;
  Value literal;
  std::vector<std::unique_ptr<Expr>> args;
  std::vector<bool> optional_entries;

  // What the checker found out.
  const Term* type = nullptr;          // valid while the checker lives
  bool is_list = false;                // the static type is a list
  bool is_variable = false;            // kIdent: of the scope, `slot` counts Program's variables
  bool is_field = false;               // kSelect: a declared field of such a variable
  int slot = -1;                       // kIdent, kMacro: where the value lies at run time
  int second_slot = -1;                // kMacro: the same of `second`
  const Function* function = nullptr;  // kCall
  int overload = -1;                   // kCall: the only one that can be meant, or -1
  std::shared_ptr<const re2::RE2> pattern;  // kCall with a constant pattern
};

using ExprPtr = std::unique_ptr<Expr>;

inline bool IsLiteral(const Expr& e, Value::Kind kind) {
  return e.kind == Expr::Kind::kLiteral && e.literal.kind() == kind;
}
// Where the text of a node begins; `offset` may be that of an operator or a name inside.
uint32_t Begin(const Expr& e);
// `a.b.c` of plain names, as they are written; "" for anything else.
std::string QualifiedName(const Expr& e);

}  // namespace kr::cel
