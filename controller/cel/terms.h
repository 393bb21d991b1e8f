#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "controller/cel/type.h"

namespace kr::cel {

// A type while it is being worked out: like Type, plus parameters that unification binds. Terms
// are owned by a TypeSpace (those of overloads by the function table) and compared by structure.
struct Term {
  Type::Kind kind = Type::Kind::kDyn;
  int parameter = -1;                  // a type parameter if >= 0; then `kind` has no meaning
  const Term* first = nullptr;         // list, optional, type: element; map: key
  const Term* second = nullptr;        // map: value
  const Type* object = nullptr;        // kObject: the declaration
  const OpaqueType* opaque = nullptr;  // kOpaque
};

// Makes terms and unifies them, after the rules of cel-go's checker: dyn fits everything, null fits
// timestamps, durations, optionals, opaque types and records, parameters take the most general type
// they meet.
class TypeSpace {
 public:
  const Term* Of(Type::Kind kind);
  const Term* List(const Term* element);
  const Term* Map(const Term* key, const Term* value);
  const Term* Optional(const Term* element);
  const Term* TypeOf(const Term* type);
  const Term* Opaque(const OpaqueType& type);
  const Term* FreshParameter();
  const Term* FromType(const Type& type);

  // `term` of an overload with its parameters renamed to fresh ones; the same `fresh` (empty at
  // first) keeps one overload's parameters together.
  const Term* Instantiate(const Term* term, std::vector<const Term*>& fresh);

  // True when a value of type `a` may stand where `b` is wanted; binds parameters. A failed attempt
  // leaves no bindings behind.
  bool Assignable(const Term* a, const Term* b);
  bool AllAssignable(const std::vector<const Term*>& a, const std::vector<const Term*>& b);
  // The more general of two types that fit.
  const Term* MostGeneral(const Term* a, const Term* b) const;

  // With bound parameters replaced; with `free_to_dyn` unbound ones become dyn.
  const Term* Substitute(const Term* term, bool free_to_dyn);
  Type ToType(const Term* term);
  std::string ToString(const Term* term) { return ToType(term).ToString(); }

  // The same structure (parameters by identity).
  static bool Same(const Term* a, const Term* b);

 private:
  const Term* Make(Term term);
  bool Unify(const Term* a, const Term* b);
  // Whether `parameter` may stand for `type`, binding it if it was free; `bound` says if it was.
  bool Bind(const Term* type, const Term* parameter, bool* bound);
  bool Occurs(const Term* parameter, const Term* within) const;
  const Term* Bound(const Term* parameter) const;

  std::deque<Term> terms_;
  std::vector<const Term*> bindings_;  // by parameter
};

inline bool IsParameter(const Term* t) {
  return t->parameter >= 0;
}
inline bool Is(const Term* t, Type::Kind kind) {
  return !IsParameter(t) && t->kind == kind;
}
inline bool IsDynOrError(const Term* t) {
  return Is(t, Type::Kind::kDyn) || Is(t, Type::Kind::kError);
}

}  // namespace kr::cel
