#include "controller/cel/terms.h"

#include <utility>

namespace kr::cel {

using Kind = Type::Kind;

namespace {

bool HasElement(const Term* t) {
  return !IsParameter(t) && t->first != nullptr &&
         (t->kind == Kind::kList || t->kind == Kind::kMap || t->kind == Kind::kOptional);
}

bool Nullable(const Term* t) {
  return t->kind == Kind::kNull || t->kind == Kind::kTimestamp || t->kind == Kind::kDuration ||
         t->kind == Kind::kOptional || t->kind == Kind::kOpaque || t->kind == Kind::kObject;
}

bool EqualOrLessSpecific(const Term* a, const Term* b) {
  if (IsParameter(a) || a->kind == Kind::kDyn) return true;
  if (IsParameter(b) || b->kind == Kind::kDyn) return false;
  if (a->kind != b->kind || a->opaque != b->opaque) return false;
  if (a->kind == Kind::kType) return true;
  if (!HasElement(a)) return true;
  return EqualOrLessSpecific(a->first, b->first) &&
         (a->second == nullptr || EqualOrLessSpecific(a->second, b->second));
}

}  // namespace

const Term* TypeSpace::Make(Term term) {
  return &terms_.emplace_back(term);
}

const Term* TypeSpace::Of(Kind kind) {
  return Make({.kind = kind});
}
const Term* TypeSpace::List(const Term* element) {
  return Make({.kind = Kind::kList, .first = element});
}
const Term* TypeSpace::Map(const Term* key, const Term* value) {
  return Make({.kind = Kind::kMap, .first = key, .second = value});
}
const Term* TypeSpace::Optional(const Term* element) {
  return Make({.kind = Kind::kOptional, .first = element});
}
const Term* TypeSpace::TypeOf(const Term* type) {
  return Make({.kind = Kind::kType, .first = type});
}
const Term* TypeSpace::Opaque(const OpaqueType& type) {
  return Make({.kind = Kind::kOpaque, .opaque = &type});
}
const Term* TypeSpace::FreshParameter() {
  bindings_.push_back(nullptr);
  return Make({.parameter = static_cast<int>(bindings_.size()) - 1});
}

const Term* TypeSpace::FromType(const Type& type) {
  const auto inner = [&](const std::shared_ptr<const Type>& t) {
    return t == nullptr ? Of(Kind::kDyn) : FromType(*t);
  };
  switch (type.kind) {
    case Kind::kList:
      return List(inner(type.element));
    case Kind::kMap:
      return Map(inner(type.key), inner(type.element));
    case Kind::kOptional:
      return Optional(inner(type.element));
    case Kind::kObject:
      return Make({.kind = Kind::kObject, .object = &type});
    case Kind::kOpaque:
      return Opaque(*type.opaque);
    default:
      return Of(type.kind);
  }
}

const Term* TypeSpace::Instantiate(const Term* term, std::vector<const Term*>& fresh) {
  if (IsParameter(term)) {
    const auto index = static_cast<size_t>(term->parameter);
    while (fresh.size() <= index) fresh.push_back(nullptr);
    if (fresh[index] == nullptr) fresh[index] = FreshParameter();
    return fresh[index];
  }
  if (term->first == nullptr) return term;
  Term copy = *term;
  copy.first = Instantiate(term->first, fresh);
  if (term->second != nullptr) copy.second = Instantiate(term->second, fresh);
  return Make(copy);
}

const Term* TypeSpace::Bound(const Term* parameter) const {
  return bindings_[static_cast<size_t>(parameter->parameter)];
}

bool TypeSpace::Same(const Term* a, const Term* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr) return false;
  if (IsParameter(a) || IsParameter(b)) return a->parameter == b->parameter;
  return a->kind == b->kind && a->object == b->object && a->opaque == b->opaque &&
         Same(a->first, b->first) && Same(a->second, b->second);
}

bool TypeSpace::Occurs(const Term* parameter, const Term* within) const {
  if (within == nullptr) return false;
  if (IsParameter(within)) {
    if (within->parameter == parameter->parameter) return true;
    const Term* bound = Bound(within);
    return bound != nullptr && Occurs(parameter, bound);
  }
  return Occurs(parameter, within->first) || Occurs(parameter, within->second);
}

bool TypeSpace::Bind(const Term* type, const Term* parameter, bool* bound) {
  *bound = true;
  if (Same(type, parameter)) return true;
  const auto index = static_cast<size_t>(parameter->parameter);
  if (const Term* current = bindings_[index]; current != nullptr) {
    if (Same(type, current)) return true;
    if (!Unify(type, current)) return false;
    const Term* general = MostGeneral(type, current);
    if (!Occurs(parameter, general)) bindings_[index] = general;
    return true;
  }
  *bound = false;
  if (Occurs(parameter, type)) return false;
  bindings_[index] = type;
  return true;
}

bool TypeSpace::Unify(const Term* a, const Term* b) {
  bool bound = false;
  if (IsParameter(b)) {
    if (Bind(a, b, &bound)) return true;
    if (bound) return false;
  }
  if (IsParameter(a)) return Bind(b, a, &bound);
  if (IsDynOrError(a) || IsDynOrError(b)) return true;
  if (a->kind == Kind::kNull || b->kind == Kind::kNull) {
    return Nullable(a->kind == Kind::kNull ? b : a);
  }
  if (a->kind != b->kind) return false;
  if (a->kind == Kind::kObject) return a->object == b->object;
  if (a->kind == Kind::kOpaque) return a->opaque == b->opaque;
  if (!HasElement(a)) return true;
  return Unify(a->first, b->first) && (a->second == nullptr || Unify(a->second, b->second));
}

bool TypeSpace::Assignable(const Term* a, const Term* b) {
  std::vector<const Term*> before = bindings_;
  if (Unify(a, b)) return true;
  bindings_ = std::move(before);
  return false;
}

bool TypeSpace::AllAssignable(const std::vector<const Term*>& a,
                              const std::vector<const Term*>& b) {
  if (a.size() != b.size()) return false;
  std::vector<const Term*> before = bindings_;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Unify(a[i], b[i])) continue;
    bindings_ = std::move(before);
    return false;
  }
  return true;
}

const Term* TypeSpace::MostGeneral(const Term* a, const Term* b) const {
  return EqualOrLessSpecific(a, b) ? a : b;
}

const Term* TypeSpace::Substitute(const Term* term, bool free_to_dyn) {
  if (IsParameter(term)) {
    if (const Term* bound = Bound(term); bound != nullptr) return Substitute(bound, free_to_dyn);
    return free_to_dyn ? Of(Kind::kDyn) : term;
  }
  if (term->first == nullptr) return term;
  Term copy = *term;
  copy.first = Substitute(term->first, free_to_dyn);
  if (term->second != nullptr) copy.second = Substitute(term->second, free_to_dyn);
  return Make(copy);
}

Type TypeSpace::ToType(const Term* term) {
  term = Substitute(term, /*free_to_dyn=*/true);
  switch (term->kind) {
    case Kind::kList:
      return Type::List(ToType(term->first));
    case Kind::kMap:
      return Type::Map(ToType(term->first), ToType(term->second));
    case Kind::kOptional:
      return Type::Optional(ToType(term->first));
    case Kind::kObject:
      return *term->object;
    case Kind::kOpaque:
      return Type::Opaque(*term->opaque);
    default:
      return Type::Of(term->kind);
  }
}

}  // namespace kr::cel
